package redis_test

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
)

func TestConformance(t *testing.T) { conform(t, miniredis.RunT(t).Addr()) }
