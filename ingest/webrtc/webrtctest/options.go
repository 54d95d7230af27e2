// Package webrtctest is a publisher for tests and measurements: it sends the
// packets of media files by WHIP, over a network as bad as one likes.
package webrtctest

import (
	"log/slog"
	"net/http"
	"time"
)

// Options says what a Publisher sends, and how.
type Options struct {
	// URL is the WHIP endpoint; Client asks it, http.DefaultClient if nil.
	URL    string
	Client *http.Client
	// Token is sent as a bearer token unless empty, Consent and Purpose as the
	// headers of valence.
	Token, Consent, Purpose string

	// File is a media file: its first Opus stream and its first VP8, VP9 or H.264
	// stream are sent. AudioOnly and VideoOnly leave the other out.
	File                 string
	AudioOnly, VideoOnly bool
	// Layers are the files of a simulcast, by rid, instead of the pictures of
	// File.
	Layers map[string]string
	// Loop begins the files again at their end, and where a key frame is asked
	// for; else Done is closed at the end, and requests are only counted.
	Loop bool
	// Speed is 1 for real time (also if 0); 8 sends eight times as fast.
	Speed float64

	// Loss is the share of packets that the network drops, Reorder the share that
	// it keeps back for ReorderBy, Jitter the most that it delays each by. Seed
	// makes it do the same again.
	Loss, Reorder     float64
	ReorderBy, Jitter time.Duration
	Seed              uint64
	// Noise is how many damaged packets go out beside each good one; what is good
	// of the media is then little.
	Noise int
	// Drift is how much faster the sender's clock runs, as a share: 200e-6 for
	// 200 ppm. Offset is what it is ahead by.
	Drift  float64
	Offset time.Duration
	// NoReports sends no RTCP sender reports. AbsCaptureTime sends the header
	// extension once a second.
	NoReports, AbsCaptureTime bool

	// Trickle sends the offer without candidates, and those by PATCH.
	Trickle bool
	// Channel opens the data channel "transcript".
	Channel bool
	Logger  *slog.Logger
}

func (o Options) client() *http.Client {
	if o.Client == nil {
		return http.DefaultClient
	}
	return o.Client
}

func (o Options) speed() float64 {
	if o.Speed <= 0 {
		return 1
	}
	return o.Speed
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}
