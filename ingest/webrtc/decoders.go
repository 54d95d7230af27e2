package webrtc

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// decoder turns the RTP packets of one stream into Samples: a *receive.Video,
// or a *receive.Audio.
type decoder interface {
	Push(packet *rtp.Packet, ext receive.Extensions, arrival time.Time)
	Report(report *rtcp.SenderReport, arrival time.Time)
	Tick(now time.Time)
	End(now time.Time, reason ingest.Reason)
	Close() error
	NeedsKeyFrame(now time.Time) bool
}

// decoders makes the decoders of one peer, which share its clock.
type decoders interface {
	open(track *ingest.Track, f format, emit func(ingest.Sample)) (decoder, error)
}

// peer is the decoders that there are.
type peer struct {
	*receive.Peer

	logger *slog.Logger
}

func (p peer) open(track *ingest.Track, f format, emit func(ingest.Sample)) (decoder, error) {
	if track.Modality == ingest.Audio {
		a, err := p.NewAudio(track, f.mime, f.clockRate, emit)
		return sound{a}, err
	}
	kind, ok := f.video()
	if !ok {
		return nil, fmt.Errorf("%w: %s", receive.ErrCodec, f.mime)
	}
	v, err := p.NewVideo(track, kind, emit, p.logger)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// video returns the codec of pictures that a format is.
func (f format) video() (codec.VideoCodec, bool) {
	switch f.mime {
	case "video/vp8":
		return codec.VP8, true
	case "video/vp9":
		return codec.VP9, true
	case "video/h264":
		return codec.H264, true
	default:
		return "", false
	}
}

// decodable is false for what only accompanies media, as retransmission does.
func (f format) decodable() bool {
	_, video := f.video()
	return video || f.mime == "audio/opus"
}

// sound has no key frames.
type sound struct{ *receive.Audio }

func (sound) NeedsKeyFrame(time.Time) bool { return false }

// push gives a decoder a packet or a report.
func push(d decoder, a arrival) {
	switch {
	case d == nil:
	case a.report != nil:
		d.Report(a.report, a.at)
	default:
		d.Push(&a.packet.Packet, a.remote.extensions(&a.packet.Packet), a.at)
	}
}

// extensions returns the payloads of the header extensions of a packet.
func (r *remote) extensions(packet *rtp.Packet) receive.Extensions {
	var e receive.Extensions
	if r.absCaptureTime > 0 {
		e.AbsCaptureTime = packet.GetExtension(r.absCaptureTime)
	}
	if r.orientation > 0 {
		e.Orientation = packet.GetExtension(r.orientation)
	}
	return e
}
