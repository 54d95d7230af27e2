//go:build servers

package chaos_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/transcript"
	"github.com/valence-live/valence/internal/wire"
)

// timed is a message and when it was captured.
type timed struct {
	at      time.Time
	topic   string
	who     string
	message proto.Message
}

// sounds are the sound of a file, decoded.
func sounds(t *testing.T, who, path string, start time.Time) (out []timed) {
	t.Helper()
	d, err := codec.Open(t.Context(), path, ingest.Audio, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	d.StartAt(start)
	for {
		u, err := d.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		if pcm, ok := u.Payload.(ingest.PCM); ok {
			var data []byte
			for _, v := range pcm {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			}
			out = append(out, timed{u.Time, wire.TopicMedia, who, &valencev1.Media{Kind: &valencev1.Media_Audio{Audio: &valencev1.AudioChunk{
				Codec: "pcm_f32le", Rate: ingest.AudioRate, Time: timestamppb.New(u.Time), Data: data,
			}}}})
		}
	}
}

// frames are the frames of a file as they are.
func frames(t *testing.T, who, path string, start time.Time) (out []timed) {
	t.Helper()
	p, err := codec.OpenPackets(t.Context(), path, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	for {
		packet, err := p.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		if p.Streams()[packet.Stream].Track != ingest.Video {
			continue
		}
		at := start.Add(packet.Time)
		out = append(out, timed{at, wire.TopicMedia, who, &valencev1.Media{Kind: &valencev1.Media_Video{Video: &valencev1.VideoFrame{
			Codec: "vp8", Key: packet.Key, Time: timestamppb.New(at), Data: slices.Clone(packet.Data),
		}}}})
	}
}

// cues are the cues of a transcript, each at its beginning.
func cues(t *testing.T, who, path string, start time.Time) (out []timed) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	list, err := transcript.Read(path, f, start)
	require.NoError(t, err)
	for _, c := range list {
		s := &valencev1.TranscriptSegment{Id: c.ID, Start: timestamppb.New(c.Start), End: timestamppb.New(c.End), Text: c.Text}
		for _, w := range c.Words {
			s.Words = append(s.Words, &valencev1.TranscriptWord{Text: w.Text, Start: timestamppb.New(w.Start), End: timestamppb.New(w.End)})
		}
		out = append(out, timed{c.Start, wire.TopicTranscripts, who, &valencev1.Transcript{Segments: []*valencev1.TranscriptSegment{s}}})
	}
	return out
}

// produce writes the demo call to the topics of media as a producer of its own
// does, in the order of time: consent, PCM, frames as they are, words. All of it is
// written in one trace.
func produce(t *testing.T, client *kgo.Client, session, trace string) {
	t.Helper()
	cfg := demo()
	var all []timed
	for _, in := range cfg.Inputs {
		all = append(all, timed{cfg.Start, wire.TopicControl, in.Participant, &valencev1.Control{
			Time: timestamppb.New(cfg.Start), Kind: &valencev1.Control_Consent{Consent: &valencev1.Consent{Text: true, Audio: true, Video: true}},
		}})
		all = append(all, sounds(t, in.Participant, in.Media, cfg.Start)...)
		all = append(all, frames(t, in.Participant, in.Media, cfg.Start)...)
		all = append(all, cues(t, in.Participant, in.Transcript, cfg.Start)...)
	}
	slices.SortStableFunc(all, func(a, b timed) int { return a.at.Compare(b.at) })
	end := cfg.Start.Add(time.Minute)
	all = append(all, timed{end, wire.TopicControl, "", &valencev1.Control{Time: timestamppb.New(end), Kind: &valencev1.Control_SessionEnd{SessionEnd: &valencev1.SessionEnd{}}}})

	ctx, topic := context.WithoutCancel(t.Context()), ""
	for i, m := range all {
		if m.topic != topic { // what is in another topic comes after it
			require.NoError(t, client.Flush(ctx))
			topic = m.topic
		}
		r, err := wire.Encode(session, m.message, wire.Protobuf, wire.Meta{Participant: m.who, Traceparent: fmt.Sprintf("00-%s-%016x-01", trace, i+1)})
		require.NoError(t, err)
		k := &kgo.Record{Topic: m.topic, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kgo.RecordHeader(h))
		}
		client.Produce(ctx, k, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("produce: %v", err)
			}
		})
	}
	require.NoError(t, client.Flush(ctx))
}
