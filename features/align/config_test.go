package align_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
)

func TestTheDefaultSettingsAreValid(t *testing.T) {
	require.NoError(t, align.Default().Validate())
}

func TestASettingThatCannotBeUsedIsNamed(t *testing.T) {
	for want, change := range map[string]func(*align.Config){
		"align.window is 13s, the model reads at most 12.8s":                  func(c *align.Config) { c.Window = 13 * time.Second },
		"align.window is 500ms, it must be at least as long as hop (1s)":      func(c *align.Config) { c.Window = 500 * time.Millisecond },
		"align.window cannot be checked: the model has no longest window":     func(c *align.Config) { c.Limits.Window = 0 },
		"align.hop is 10ms, it must be 100ms to 1m0s":                         func(c *align.Config) { c.Hop = 10 * time.Millisecond },
		"align.hop is 100.1ms, it must be whole milliseconds":                 func(c *align.Config) { c.Hop = 100100 * time.Microsecond },
		"align.lateness is -1s, it must be 0s to 1m0s":                        func(c *align.Config) { c.Lateness = -time.Second },
		"align.idle is 0s, it must be 100ms to 1m0s":                          func(c *align.Config) { c.Idle = 0 },
		"align.correction is 2m0s, it must be 0s to 1m0s":                     func(c *align.Config) { c.Correction = 2 * time.Minute },
		"align.context is 31s, the model hears at most 30s":                   func(c *align.Config) { c.Context = 31 * time.Second },
		"align.context is 30s, the model hears at most 0s":                    func(c *align.Config) { c.Limits.Context = 0 },
		"align.context is -1s, it must not be below 0":                        func(c *align.Config) { c.Context = -time.Second },
		"align.min_text is 65, it must be 1 to 64":                            func(c *align.Config) { c.MinText = 65 },
		"align.min_audio is 0, it must be 1 to 128":                           func(c *align.Config) { c.MinAudio = 0 },
		"align.min_video is 1, it must be 1 to 0":                             func(c *align.Config) { c.MinVideo, c.Limits.Len[ingest.Video] = 1, 0 },
		"align.idle is 0s, it must be 100ms to 1m0s\nunusable alignment sett": func(c *align.Config) { c.Idle, c.Correction = 0, -1 },
	} {
		t.Run(want, func(t *testing.T) {
			cfg := align.Default()
			change(&cfg)
			err := cfg.Validate()
			require.ErrorIs(t, err, align.ErrConfig)
			require.ErrorContains(t, err, want)
			_, err = align.New(nil, cfg, nil)
			require.ErrorIs(t, err, align.ErrConfig)
		})
	}
}
