// Package wiretest makes the records that a producer of media writes of a
// recorded call, for tests of what reads them.
package wiretest

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/wire"
)

// Message is what a producer says of a participant (of the whole call if none
// is named), when it was captured and in which topic it belongs.
type Message struct {
	Time        time.Time
	Topic       string
	Participant string
	Message     proto.Message
}

// Consent of every stream, as of the beginning of the call.
func Consent(cfg replay.Config) (out []Message) {
	for _, in := range cfg.Inputs {
		out = append(out, Message{cfg.Start, wire.TopicControl, in.Participant, &valencev1.Control{
			Time: timestamppb.New(cfg.Start), Kind: &valencev1.Control_Consent{Consent: &valencev1.Consent{Text: true, Audio: true, Video: true}},
		}})
	}
	return out
}

// Media of the recordings in the order of time: decoded sound, VP8 frames as
// they are, words.
func Media(tb testing.TB, cfg replay.Config) (out []Message) {
	tb.Helper()
	for _, in := range cfg.Inputs {
		out = append(out, sounds(tb, in.Participant, in.Media, cfg.Start)...)
		out = append(out, frames(tb, in.Participant, in.Media, cfg.Start)...)
		out = append(out, cues(tb, in.Participant, in.Transcript, cfg.Start)...)
	}
	slices.SortStableFunc(out, func(a, b Message) int { return a.Time.Compare(b.Time) })
	return out
}

// End of the call, as of a minute after its beginning.
func End(cfg replay.Config) Message {
	at := timestamppb.New(cfg.Start.Add(time.Minute))
	return Message{at.AsTime(), wire.TopicControl, "", &valencev1.Control{Time: at, Kind: &valencev1.Control_SessionEnd{SessionEnd: &valencev1.SessionEnd{}}}}
}

// sounds are the sound of a file, decoded.
func sounds(tb testing.TB, who, path string, start time.Time) (out []Message) {
	tb.Helper()
	d, err := codec.Open(tb.Context(), path, ingest.Audio, slog.New(slog.DiscardHandler))
	require.NoError(tb, err)
	defer func() { require.NoError(tb, d.Close()) }()
	d.StartAt(start)
	for {
		u, err := d.Next(tb.Context())
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(tb, err)
		if pcm, ok := u.Payload.(ingest.PCM); ok {
			var data []byte
			for _, v := range pcm {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			}
			out = append(out, Message{u.Time, wire.TopicMedia, who, &valencev1.Media{Kind: &valencev1.Media_Audio{Audio: &valencev1.AudioChunk{
				Codec: "pcm_f32le", Rate: ingest.AudioRate, Time: timestamppb.New(u.Time), Data: data,
			}}}})
		}
	}
}

// frames are the frames of a file as they are.
func frames(tb testing.TB, who, path string, start time.Time) (out []Message) {
	tb.Helper()
	p, err := codec.OpenPackets(tb.Context(), path, slog.New(slog.DiscardHandler))
	require.NoError(tb, err)
	defer func() { require.NoError(tb, p.Close()) }()
	for {
		packet, err := p.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(tb, err)
		if p.Streams()[packet.Stream].Track != ingest.Video {
			continue
		}
		at := start.Add(packet.Time)
		out = append(out, Message{at, wire.TopicMedia, who, &valencev1.Media{Kind: &valencev1.Media_Video{Video: &valencev1.VideoFrame{
			Codec: "vp8", Key: packet.Key, Time: timestamppb.New(at), Data: slices.Clone(packet.Data),
		}}}})
	}
}

// cues are the cues of a transcript, each at its beginning.
func cues(tb testing.TB, who, path string, start time.Time) (out []Message) {
	tb.Helper()
	for _, c := range Segments(tb, path, start) {
		s := &valencev1.TranscriptSegment{Id: c.ID, Start: timestamppb.New(c.Start), End: timestamppb.New(c.End), Text: c.Text}
		for _, w := range c.Words {
			s.Words = append(s.Words, &valencev1.TranscriptWord{Text: w.Text, Start: timestamppb.New(w.Start), End: timestamppb.New(w.End)})
		}
		out = append(out, Message{c.Start, wire.TopicTranscripts, who, &valencev1.Transcript{Segments: []*valencev1.TranscriptSegment{s}}})
	}
	return out
}
