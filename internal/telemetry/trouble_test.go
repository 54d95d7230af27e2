package telemetry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/valence-live/valence/internal/telemetry"
)

func TestARepeatedFaultIsLoggedOnceASecondWithItsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		trouble := telemetry.NewTrouble(slog.New(slog.NewTextHandler(&log, nil)), "it broke")
		for range 21 {
			trouble.Warn(t.Context(), errors.New("again"))
			time.Sleep(100 * time.Millisecond) // of the test's own clock
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		assert.Len(t, lines, 3)
		assert.Contains(t, lines[0], "more=0")
		assert.Contains(t, lines[1], "more=9")
	})
}
