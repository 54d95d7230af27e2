//go:build servers

package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/internal/worker"
	"github.com/valence-live/valence/sink"
)

// list is a publisher that keeps what is published.
type list struct {
	mu     sync.Mutex
	events []*sink.Event
}

func (l *list) Publish(_ context.Context, e *sink.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	return nil
}

// undisturbed are the events that are not provisional of one worker that reads the
// same records, without a log, and that nobody disturbs.
func undisturbed(t *testing.T, engine *pipeline.Engine, records []spoken) []*sink.Event {
	t.Helper()
	cfg := config.Default()
	call := pipeline.CallConfig{Align: cfg.Align, Rolling: cfg.Sink.Rolling}
	call.Align.Limits, call.Rolling.Hop = engine.Limits(), cfg.Align.Hop
	out := &list{}
	w, err := worker.New(worker.Config{Call: call, Purpose: ingest.General, Idle: cfg.Calls.Idle, MaxParticipants: cfg.Calls.MaxParticipants},
		engine, out, telemetry.Nop())
	require.NoError(t, err)
	lane, err := w.Open(t.Context(), 0, nil)
	require.NoError(t, err)
	for i, r := range records {
		require.NoError(t, lane.Handle(t.Context(), placed(r, int64(i))))
	}
	require.NoError(t, lane.Close())
	return out.events
}

func placed(r spoken, offset int64) kafka.Record {
	headers := make([]kafka.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = kafka.Header(h)
	}
	return kafka.Record{Topic: wire.TopicFeatures, Offset: offset, Key: r.Key, Value: r.Value, Headers: headers, Time: r.due}
}

// verdict is what became of the events of some calls.
type verdict struct {
	Kind         string  `json:"kind"`
	Round        int     `json:"round"`
	Events       int     `json:"events"`       // that there must be: final and corrected ones
	Windows      int     `json:"windows"`      // of these, final sliding ones
	Lost         int     `json:"lost"`         // that are not there
	Different    int     `json:"different"`    // copies that say something else than they must
	Unexpected   int     `json:"unexpected"`   // that nobody should have said
	Backwards    int     `json:"backwards"`    // first copies of a window older than one seen before
	Behind       int     `json:"behind"`       // people of whom Redis does not hold the newest
	LettersLost  int     `json:"letters_lost"` // poison records that are not in the dead-letter topic
	DeadLetters  int     `json:"dead_letters"` // that there must be
	Repeated     int     `json:"repeated"`     // copies besides the first, harmless
	Provisional  int     `json:"provisional"`  // seen
	Unlike       int     `json:"unlike"`       // repeats of provisional ones that say something else, which they may
	Delay        float64 `json:"delay"`        // of the median final score after the end of its window, in s
	SlowestDelay float64 `json:"slowest"`
	Recovery     float64 `json:"recovery"` // from the end of the trouble until the scores came in time again, in s

	delays   []time.Duration
	recovery time.Duration
}

func name(e *sink.Event) string { return fmt.Sprintf("%s@%d", e.ID, e.Revision) }

// content is what every copy of an event has in common.
func content(t *testing.T, e *sink.Event) string {
	t.Helper()
	plain := e.Repeatable()
	line, err := sink.Encode(&plain)
	require.NoError(t, err)
	return string(line)
}

// differences lists the fields that two events do not agree in, of some length.
func differences(t *testing.T, want, got string) string {
	t.Helper()
	var fields [2]map[string]json.RawMessage
	for i, text := range []string{want, got} {
		require.NoError(t, json.Unmarshal([]byte(text), &fields[i]))
	}
	var out []string
	for key, value := range fields[0] {
		if other := fields[1][key]; string(value) != string(other) {
			out = append(out, fmt.Sprintf("%s: %.200s instead of %.200s", key, other, value))
		}
	}
	return strings.Join(out, "; ")
}

// judge compares what was read of a call with what must have been said.
func (v *verdict) judge(t *testing.T, want []*sink.Event, got []arrival) {
	t.Helper()
	must, there, early := map[string]string{}, map[string]bool{}, map[string]string{}
	for _, e := range want {
		must[name(e)] = content(t, e)
		v.Events++
		if e.State == features.Final && e.Window.Kind == features.Sliding {
			v.Windows++
		}
	}
	newest, known := map[string]time.Time{}, map[string]bool{}
	for _, a := range got {
		e := a.event
		if !known[e.ID] {
			known[e.ID] = true
			// The window of an utterance is known when its sentence comes, however late.
			if old := newest[e.Participant]; e.Window.Kind == features.Sliding && e.Window.End.Before(old) {
				v.Backwards++
				t.Logf("%s (offset %d) comes after a window that ended at %s", name(e), a.offset, old)
			} else if e.Window.Kind == features.Sliding {
				newest[e.Participant] = e.Window.End
			}
		}
		said := content(t, e)
		if e.State == features.Provisional {
			if before, ok := early[name(e)]; !ok {
				v.Provisional++
			} else if v.Repeated++; before != said {
				v.Unlike++
			}
			early[name(e)] = said
			continue
		}
		switch expected, ok := must[name(e)]; {
		case !ok:
			v.Unexpected++
			t.Logf("nobody should have said %s", said)
		case said != expected:
			v.Different++
			t.Logf("offset %d: %s is not as it must be: %s", a.offset, name(e), differences(t, expected, said))
		}
		if there[name(e)] {
			v.Repeated++
		}
		there[name(e)] = true
	}
	for n := range must {
		if !there[n] {
			v.Lost++
			t.Logf("lost: %s", n)
		}
	}
}
