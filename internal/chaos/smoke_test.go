//go:build servers

package chaos_test

import (
	"bytes"
	"context"
	"maps"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/internal/wire/wiretest"
	"github.com/valence-live/valence/sink"
)

// A person calls by WebRTC: the gateway sends features through Kafka, two workers
// share the scoring, and Kafka and Redis have the scores that a replay of the
// recording gives. They are read with the console tools of both.
func TestAGatewayAndWorkersScoreALiveCallAsAReplayDoes(t *testing.T) {
	t.Parallel()
	program, s := built(t), newStage(t)
	gateway := s.serve(program, "gateway")
	s.add(program)
	s.add(program)
	p, err := webrtctest.Publish(t.Context(), webrtctest.Options{
		URL: gateway.base + "/whip/live/maya", Consent: "text, audio, video", File: "../../demo/call.webm", Channel: true,
	})
	require.NoError(t, err)
	<-p.Started()
	<-p.Opened()
	began := p.Captured(0)
	for _, segment := range wiretest.Segments(t, "../../demo/call.vtt", began) {
		<-time.After(time.Until(segment.Start))
		require.NoError(t, p.Say(wiretest.Spelled(t, segment)))
	}
	<-p.Done()
	require.NoError(t, p.Err())
	require.NoError(t, p.Delete(t.Context()))
	gateway.end(syscall.SIGTERM)

	want := finals(replayed(t, program, "--participant", "maya", "--transcript", "../../demo/call.vtt", "--session", "live",
		"--start", began.Format(time.RFC3339Nano), "../../demo/call.webm"))
	var got map[time.Time]*sink.Event
	require.True(t, eventually(t, soon, func() bool {
		got = finals(s.consumed(wire.TopicEvents))
		return len(got) >= len(want)-2
	}), "%d windows of %d", len(got), len(want))
	alike(t, want, got)

	ends := slices.SortedFunc(maps.Keys(got), time.Time.Compare)
	newest := got[ends[len(ends)-1]]
	assert.Equal(t, newest.Window.End.UTC().Format(time.RFC3339Nano), s.redisSays("HGET", "valence:{live}:participant:maya", "window_end"))
	assert.NotEqual(t, "0", s.redisSays("XLEN", "valence:{live}:events"))
	assert.Equal(t, "live", s.redisSays("ZRANGE", "valence:sessions", "0", "-1"))
	s.shows(wire.TopicScores, []string{"live/maya\t{"}, "--formatter-property", "print.key=true")
}

// A producer of its own writes the demo call as records. One process scores it as a
// replay does, to the digit, in the trace in which it was written.
func TestMediaRecordsAreScoredAsAReplayDoesAndInTheirTrace(t *testing.T) {
	t.Parallel()
	program, s := built(t), newStage(t)
	s.serve(program, "all")
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	produce(t, s.newProducer(), "demo", trace)

	want := replayed(t, program, "--participant", "maya=../../demo/call.webm", "--participant", "leo=../../demo/guest.webm",
		"--transcript", "maya=../../demo/call.vtt", "--transcript", "leo=../../demo/guest.vtt", "--session", "demo", "--start", zero().Format(time.RFC3339))
	said := s.finals(len(want))
	for _, e := range want {
		got := said[name(e)]
		require.NotNil(t, got, name(e))
		assert.True(t, strings.HasPrefix(got.Traceparent, "00-"+trace+"-"), "%q", got.Traceparent)
		for _, one := range []*sink.Event{e, got} {
			// What a replay knows of its files before anything comes of them, and how times are known.
			one.Rolling.Session, one.Rolling.SessionMass, one.Modalities.Text.Reason, one.Clock = 0, 0, "", sink.Clock{}
		}
		assert.Equal(t, content(t, e), content(t, got))
	}
	s.shows(wire.TopicEvents, []string{"traceparent:00-" + trace + "-", "ce_type:live.valence.event.v1"},
		"--formatter-property", "print.headers=true", "--formatter-property", "print.value=false")
}

// A recording is sent through a gateway of its own: workers score it as a replay
// does, to the digit.
func TestARecordingFeedsWorkersAndIsScoredAsAReplayIs(t *testing.T) {
	t.Parallel()
	program, s := built(t), newStage(t)
	s.serve(program, "worker") // makes the topics
	call := []string{
		"--participant", "maya=../../demo/call.webm", "--participant", "leo=../../demo/guest.webm",
		"--transcript", "maya=../../demo/call.vtt", "--transcript", "leo=../../demo/guest.vtt", "--session", "demo", "--start", zero().Format(time.RFC3339),
	}
	gateway := exec.CommandContext(t.Context(), program, append([]string{"replay", "--quiet", "--role", "gateway"}, call...)...)
	gateway.Env = append(os.Environ(), s.env...)
	out, err := gateway.CombinedOutput()
	require.NoError(t, err, "%s", out)

	want := replayed(t, program, call...)
	said := s.finals(len(want))
	for _, e := range want {
		got := said[name(e)]
		require.NotNil(t, got, name(e))
		assert.Equal(t, content(t, e), content(t, got))
	}
}

// replayed runs bin/valence replay.
func replayed(t *testing.T, program string, args ...string) (events []*sink.Event) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"replay", "--quiet"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	return decoded(t, string(out))
}

func decoded(t *testing.T, lines string) (events []*sink.Event) {
	t.Helper()
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "{") {
			continue // the tools of Kafka log to the same place
		}
		e, err := sink.Decode([]byte(line))
		require.NoError(t, err)
		events = append(events, e)
	}
	return events
}

// consumed are the events that Kafka's own console consumer reads.
func (s *stage) consumed(topic string) []*sink.Event {
	s.t.Helper()
	return decoded(s.t, s.consumedLines(topic))
}

// finals waits for so many events that will not change, and returns them by name.
func (s *stage) finals(n int) map[string]*sink.Event {
	s.t.Helper()
	said := map[string]*sink.Event{}
	require.True(s.t, eventually(s.t, soon, func() bool {
		for _, e := range s.consumed(wire.TopicEvents) {
			if e.State != features.Provisional {
				said[name(e)] = e
			}
		}
		return len(said) >= n
	}), "%d events of %d", len(said), n)
	require.Len(s.t, said, n)
	return said
}

// shows waits until Kafka's own console consumer prints all of it.
func (s *stage) shows(topic string, all []string, args ...string) {
	s.t.Helper()
	require.True(s.t, eventually(s.t, soon, func() bool {
		lines := s.consumedLines(topic, args...)
		return !slices.ContainsFunc(all, func(part string) bool { return !strings.Contains(lines, part) })
	}), "%s does not show all of %q", topic, all)
}

func (s *stage) consumedLines(topic string, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := s.kafka.Tool(ctx, append([]string{"consumer.ConsoleConsumer", "--topic", topic, "--from-beginning", "--timeout-ms", "4000"}, args...)...)
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
	out, err := cmd.Output()
	if err != nil {
		s.t.Logf("the console consumer: %v\n%s", err, &trouble) // it ends by its time-out
	}
	return string(out)
}

func (s *stage) redisSays(args ...string) string {
	s.t.Helper()
	out, err := s.redis.Tool(s.t.Context(), args...).Output()
	require.NoError(s.t, err)
	return strings.TrimSpace(string(out))
}

// finals are the newest revisions of sliding windows that will not change, by end.
func finals(events []*sink.Event) map[time.Time]*sink.Event {
	out := map[time.Time]*sink.Event{}
	for _, e := range events {
		if e.Window.Kind != features.Sliding || e.State == features.Provisional {
			continue
		}
		if old := out[e.Window.End.UTC()]; old == nil || e.Revision > old.Revision {
			out[e.Window.End.UTC()] = e
		}
	}
	return out
}

// alike says that what came over a network differs little from the recording.
func alike(t *testing.T, recorded, live map[time.Time]*sink.Event) {
	t.Helper()
	var off []float64
	for end, e := range recorded {
		if l := live[end]; l != nil {
			off = append(off, math.Abs(float64(l.Score-e.Score)))
		}
	}
	slices.Sort(off)
	require.GreaterOrEqual(t, len(off), len(recorded)-2, "a window or two at the ends")
	t.Logf("%d windows, difference of scores: median %.4f, most %.4f", len(off), off[len(off)/2], off[len(off)-1])
	assert.LessOrEqual(t, off[len(off)/2], .05)
	assert.LessOrEqual(t, off[len(off)-1], .15)
}
