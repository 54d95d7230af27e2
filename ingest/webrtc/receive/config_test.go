package receive_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest/webrtc/receive"
)

func TestSettingsAreChecked(t *testing.T) {
	require.NoError(t, receive.Default().Validate())
	require.NoError(t, receive.Config{}.Validate(), "waiting for nothing is possible")
	err := receive.Config{AudioDelay: -1, VideoDelay: time.Minute, Conceal: 2 * time.Second}.Validate()
	require.ErrorIs(t, err, receive.ErrConfig)
	for _, key := range []string{"audio_delay", "video_delay", "conceal"} {
		assert.ErrorContains(t, err, key)
	}
}
