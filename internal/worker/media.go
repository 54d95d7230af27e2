package worker

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"time"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/still"
)

// sound decodes the chunks of one track.
type sound struct{ opus *codec.Opus }

func (s *sound) close() {
	if s.opus != nil {
		_ = s.opus.Close() // frees memory alone
		s.opus = nil
	}
}

// decode returns the sound of a chunk and when it begins.
func (s *sound) decode(c *valencev1.AudioChunk) (ingest.PCM, time.Time, error) {
	at := c.GetTime().AsTime()
	switch c.GetCodec() {
	case "opus":
		if s.opus == nil {
			var err error
			if s.opus, err = codec.NewOpus(); err != nil {
				return nil, at, err
			}
		}
		pcm, err := s.opus.Decode(nil, c.GetData())
		if err != nil {
			return nil, at, poison("opus: %w", err)
		}
		return pcm, at.Add(-codec.OpusDelay), nil
	case "pcm_s16le", "pcm_f32le":
		pcm, err := plain(c)
		return pcm, at, err
	default:
		return nil, at, poison("the codec is %q; send opus, pcm_s16le or pcm_f32le", c.GetCodec())
	}
}

// plain reads PCM, mixing the channels to one.
func plain(c *valencev1.AudioChunk) (ingest.PCM, error) {
	if rate := c.GetRate(); rate != ingest.AudioRate {
		return nil, poison("the rate of PCM is %d Hz; resample it to %d, or send opus", rate, ingest.AudioRate)
	}
	channels, size := max(int(c.GetChannels()), 1), 2
	if c.GetCodec() == "pcm_f32le" {
		size = 4
	}
	data := c.GetData()
	if len(data)%(channels*size) != 0 {
		return nil, poison("%d bytes are no whole number of samples of %d channels", len(data), channels)
	}
	pcm := make(ingest.PCM, len(data)/(channels*size))
	for i := range pcm {
		var sum float32
		for range channels {
			if size == 2 {
				sum += float32(int16(binary.LittleEndian.Uint16(data))) / (1 << 15) //nolint:gosec // G115: the bits are a signed number
			} else {
				sum += math.Float32frombits(binary.LittleEndian.Uint32(data))
			}
			data = data[size:]
		}
		pcm[i] = sum / float32(channels)
	}
	return pcm, nil
}

// view decodes the frames of one track.
type view struct {
	codec   codec.VideoCodec
	decoder *codec.Video
}

func (v *view) close() {
	if v.decoder != nil {
		_ = v.decoder.Close() // frees memory alone
		v.decoder = nil
	}
}

// decode returns the picture of a frame, if one comes out that is needed, and when it
// was captured.
func (v *view) decode(f *valencev1.VideoFrame, logger *slog.Logger) (p *ingest.Picture, at time.Time, err error) {
	at = f.GetTime().AsTime()
	if f.GetCodec() == "jpeg" {
		if p, err = still.Decode(f.GetData()); err != nil {
			return nil, at, poison("jpeg: %w", err)
		}
		return p, at, nil
	}
	kind, ok := map[string]codec.VideoCodec{"vp8": codec.VP8, "vp9": codec.VP9, "h264": codec.H264}[f.GetCodec()]
	if !ok {
		return nil, at, poison("the codec is %q; send jpeg, vp8, vp9 or h264", f.GetCodec())
	}
	if v.decoder == nil || v.codec != kind {
		v.close()
		v.codec = kind
		if v.decoder, err = codec.NewVideo(kind, logger); err != nil {
			return nil, at, err
		}
	}
	p, shown, err := v.decoder.Decode(f.GetData(), at, int(f.GetRotation()/90))
	switch {
	case errors.Is(err, codec.ErrKeyFrame):
		return nil, at, nil // those that cannot be shown before it
	case err != nil:
		return nil, at, poison("%s: %w", f.GetCodec(), err)
	case p != nil:
		at = shown
	}
	return p, at, nil
}
