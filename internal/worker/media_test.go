package worker_test

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/ingest/transcript"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/internal/worker"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
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

// produced are the records of the demo call as a producer writes them, in the
// form given.
func produced(t *testing.T, form wire.Form, consent bool) *journal {
	t.Helper()
	cfg := demo()
	var all []timed
	for _, in := range cfg.Inputs {
		if consent {
			all = append(all, timed{cfg.Start, wire.TopicControl, in.Participant, &valencev1.Control{
				Time: timestamppb.New(cfg.Start), Kind: &valencev1.Control_Consent{Consent: &valencev1.Consent{Text: true, Audio: true, Video: true}},
			}})
		}
		all = append(all, sounds(t, in.Participant, in.Media, cfg.Start)...)
		all = append(all, frames(t, in.Participant, in.Media, cfg.Start)...)
		all = append(all, cues(t, in.Participant, in.Transcript, cfg.Start)...)
	}
	slices.SortStableFunc(all, func(a, b timed) int { return a.at.Compare(b.at) })
	j := &journal{at: time.Unix(2e9, 0)}
	for _, m := range all {
		r, err := wire.Encode("demo", m.message, form, wire.Meta{Participant: m.who})
		require.NoError(t, err)
		j.add(m.topic, r)
	}
	j.control(t, "", &valencev1.Control{Time: timestamppb.New(cfg.Start.Add(time.Minute)), Kind: &valencev1.Control_SessionEnd{SessionEnd: &valencev1.SessionEnd{}}})
	return j
}

// through runs records through a lane of a worker.
func through(t *testing.T, engine *pipeline.Engine, j *journal, change func(*worker.Config)) *memory.Store {
	t.Helper()
	store := memory.New(memory.Default())
	lane, err := newWorker(t, engine, store, change).Open(t.Context(), 0, nil)
	require.NoError(t, err)
	for _, r := range j.records {
		require.NoError(t, lane.Handle(t.Context(), r))
	}
	require.NoError(t, lane.Close())
	return store
}

// announced takes out what a replay knows from its files before anything comes of
// them: that there is a transcript, and so who is waited for at the beginning.
func announced(e *sink.Event) {
	e.Rolling.Session, e.Rolling.SessionMass = 0, 0
	e.Modalities.Text.Reason = ""
}

func TestMediaRecordsAreScoredAsTheReplayOfTheFilesIs(t *testing.T) {
	engine := openEngine(t)
	want := replayed(t, engine)
	for _, form := range []wire.Form{wire.Protobuf, wire.JSON} {
		t.Run(string(form), func(t *testing.T) {
			equal(t, want, through(t, engine, produced(t, form, true), nil).Session("demo"), announced)
		})
	}
}

func TestNothingIsScoredWithoutConsentUnlessTheOperatorSaysItWasGiven(t *testing.T) {
	engine := openEngine(t)
	j := produced(t, wire.Protobuf, false)
	assert.Empty(t, through(t, engine, j, nil).Session("demo"))
	assert.NotEmpty(t, through(t, engine, j, func(c *worker.Config) { c.Upstream = true }).Session("demo"))
}

func TestPoisonIsSaidAndHarmsNothing(t *testing.T) {
	engine := openEngine(t)
	want := replayed(t, engine)
	j := produced(t, wire.Protobuf, true)
	store := memory.New(memory.Default())
	lane, err := newWorker(t, engine, store, nil).Open(t.Context(), 0, nil)
	require.NoError(t, err)
	poisons := 0
	for i, r := range j.records {
		require.NoError(t, lane.Handle(t.Context(), r))
		if i%50 != 0 {
			continue
		}
		for _, bad := range []kafka.Record{
			{Topic: wire.TopicMedia, Key: []byte("demo"), Value: []byte("{")},
			{Topic: wire.TopicMedia, Key: nil, Value: []byte("{}")},
			{Topic: wire.TopicControl, Key: []byte("demo"), Value: []byte(`{"time":"2026-05-01T09:00:00Z"}`)},
			{Topic: "other", Key: []byte("demo"), Value: []byte("{}")},
			{Topic: wire.TopicMedia, Key: []byte("demo"), Value: r.Value[:len(r.Value)/2], Headers: r.Headers},
		} {
			bad.Offset, bad.Time = r.Offset, r.Time
			if err := lane.Handle(t.Context(), bad); err != nil {
				require.ErrorIs(t, err, kafka.ErrPoison)
				poisons++
			}
		}
	}
	require.NoError(t, lane.Close())
	assert.Greater(t, poisons, len(j.records)/50*4)
	equal(t, want, store.Session("demo"), announced)
}

func TestACallThatNothingComesOfIsClosedWhenTheLogHasGoneOn(t *testing.T) {
	engine := openEngine(t)
	j := produced(t, wire.Protobuf, true)
	j.records = j.records[:len(j.records)-1] // nobody says that it ended
	other, err := wire.Encode("other", &valencev1.Control{Time: timestamppb.Now(), Kind: &valencev1.Control_Heartbeat{Heartbeat: &valencev1.Heartbeat{}}}, wire.JSON, wire.Meta{})
	require.NoError(t, err)
	j.at = j.at.Add(6 * time.Minute)
	j.add(wire.TopicControl, other)
	equal(t, replayed(t, engine), through(t, engine, j, nil).Session("demo"), announced)
}
