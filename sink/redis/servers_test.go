//go:build servers

package redis_test

import (
	"testing"

	"github.com/valence-live/valence/internal/brokers"
)

func TestConformanceWithARealServer(t *testing.T) { conform(t, brokers.Redis(t).Addr) }
