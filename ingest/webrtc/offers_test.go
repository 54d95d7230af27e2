package webrtc_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheOffersOfKnownClientsAreAnswered(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	for _, c := range []struct {
		client, audio, video, setup string
		layers                      int
	}{
		{client: "chrome", audio: "111 opus/48000/2", video: "96 VP8/90000", setup: "passive"},
		{client: "chrome-simulcast", audio: "111 opus/48000/2", video: "96 VP8/90000", setup: "passive", layers: 3},
		{client: "firefox", audio: "109 opus/48000/2", video: "120 VP8/90000", setup: "passive"},
		{client: "obs", audio: "111 opus/48000/2", video: "96 H264/90000", setup: "passive"},
		{client: "gstreamer", audio: "97 OPUS/48000/2", video: "96 H264/90000", setup: "passive"},
		{client: "ffmpeg", audio: "111 opus/48000/2", video: "106 H264/90000", setup: "active"},
	} {
		t.Run(c.client, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("testdata/offers/" + c.client + ".sdp")
			require.NoError(t, err)
			w, _ := b.ask(t, http.MethodPost, "/whip/known/"+c.client, request{contentType: typeSDP, body: string(text)})
			require.Equal(t, http.StatusCreated, w.Code, w.Body)
			var answer sdp.SessionDescription
			require.NoError(t, answer.Unmarshal(w.Body.Bytes()))
			for _, m := range answer.MediaDescriptions {
				kind := m.MediaName.Media
				setup, _ := m.Attribute("setup")
				assert.Equal(t, c.setup, setup)
				assert.NotZero(t, m.MediaName.Port.Value, kind)
				if kind == "application" {
					continue
				}
				_, receives := m.Attribute("recvonly")
				assert.True(t, receives, kind)
				first, _ := m.Attribute("rtpmap")
				assert.Equal(t, map[string]string{"audio": c.audio, "video": c.video}[kind], first)
				layers := 0
				for _, a := range m.Attributes {
					if a.Key == "rid" {
						layers++
					}
					if a.Key == "rtpmap" {
						assert.NotRegexp(t, `AV1|G722|PCM|red/|ulpfec|telephone`, a.Value)
					}
				}
				if kind == "video" {
					assert.Equal(t, c.layers, layers)
					assert.Equal(t, c.layers > 0, strings.Contains(w.Body.String(), "a=simulcast:recv q;h;f"))
				}
			}
			if strings.HasPrefix(c.client, "chrome") {
				for _, uri := range []string{"transport-wide-cc", "sdes:mid", "sdes:rtp-stream-id", "video-orientation"} {
					assert.Contains(t, w.Body.String(), uri)
				}
				assert.Contains(t, w.Body.String(), "a=rtcp-fb:96 transport-cc")
				assert.Contains(t, w.Body.String(), "a=rtcp-fb:111 transport-cc")
			}
		})
	}
}
