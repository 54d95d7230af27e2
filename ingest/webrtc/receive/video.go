package receive

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

const (
	// videoSlots is how many packets of pictures may wait: 150 ms of 25 Mbit/s.
	videoSlots = 512
	// askEvery is how often a key frame is asked for at most: each costs the sender
	// many times a usual frame.
	askEvery = time.Second
)

// Video makes Pictures of the packets of one stream.
type Video struct {
	stream
	codec   codec.VideoCodec
	decoder *codec.Video
	format  depacketizer
	frame   frame
	chain   chain
	turns   int

	hole    bool // packets were lost since the last one
	seen    bool
	asked   time.Time
	taken   int64         // the PictureStep of the last picture
	base    time.Time     // of the last frame of the lowest layer
	every   time.Duration // between two of them
	missing time.Time     // since when there are no pictures; zero while there are
}

// NewVideo adds a track of pictures. emit gets the Samples (Pictures, Gap, End) in
// order of time, in the goroutine that calls. logger gets what the decoder says, at
// debug level. The error wraps ErrCodec for a codec that is not received.
func (p *Peer) NewVideo(track *ingest.Track, c codec.VideoCodec, emit func(ingest.Sample), logger *slog.Logger) (*Video, error) {
	v := &Video{codec: c, chain: newChain(), taken: -1 << 62}
	switch c {
	case codec.VP8:
		v.format = vp8{}
	case codec.VP9:
		v.format = vp9{}
	case codec.H264:
		v.format = h264{}
	default:
		return nil, fmt.Errorf("%w: %s: offer VP8, VP9 or H264", ErrCodec, c)
	}
	decoder, err := codec.NewVideo(c, logger)
	if err != nil {
		return nil, err
	}
	v.decoder = decoder
	v.init(p, track, 90000, p.cfg.VideoDelay, videoSlots, emit, v)
	return v, nil
}

// NeedsKeyFrame reports whether to ask the sender for a key frame (RFC 4585,
// 6.3.1: PLI): true at most once a second while there are no pictures because
// something that they refer to was lost.
func (v *Video) NeedsKeyFrame(now time.Time) bool {
	if v.ended || !v.seen || v.chain.intact() || !v.asked.IsZero() && now.Sub(v.asked) < askEvery {
		return false
	}
	v.asked = now
	return true
}

// Close frees the decoder. Pictures that are still in use stay. It may be called
// again.
func (v *Video) Close() error {
	v.ended = true
	v.peer.clock.Remove(v.clock)
	return v.decoder.Close()
}

func (v *Video) lost(n int) {
	v.drop(ReasonLost, n)
	v.hole = true
}

// restart: nothing of the new stream refers to the old one.
func (v *Video) restart() {
	v.end()
	v.chain = newChain()
	v.hole = false
	v.base, v.every = time.Time{}, 0
	v.reset()
}

func (v *Video) finish() { v.end() }
