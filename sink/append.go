package sink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// errYear is what encoding/json says of a time that RFC 3339 cannot hold.
var errYear = errors.New("year outside of range [0,9999]")

// text is JSON that grows. It is what encoding/json makes of the same values,
// at a fifth of the time; the tests compare both. An error sticks.
type text struct {
	b   []byte
	err error
}

func (t *text) event(e *Event) {
	t.key(`{"id":`).string(e.ID)
	t.key(`,"revision":`).int(e.Revision)
	t.key(`,"state":`).string(string(e.State))
	t.key(`,"session":`).string(e.Session)
	t.key(`,"participant":`).string(e.Participant)
	t.key(`,"window":{"kind":`).string(string(e.Window.Kind))
	t.key(`,"start":`).time(e.Window.Start)
	t.key(`,"end":`).time(e.Window.End)
	t.key(`},"score":`).number(e.Score)
	t.key(`,"polarity":`).string(e.Polarity)
	t.key(`,"probabilities":{"negative":`).number(e.Probabilities.Negative)
	t.key(`,"neutral":`).number(e.Probabilities.Neutral)
	t.key(`,"positive":`).number(e.Probabilities.Positive)
	t.key(`},"interval":{"level":`).number(e.Interval.Level)
	t.key(`,"low":`).number(e.Interval.Low)
	t.key(`,"high":`).number(e.Interval.High)
	t.key(`},"rolling":{"participant":`).number(e.Rolling.Participant)
	t.key(`,"session":`).number(e.Rolling.Session)
	t.key(`,"half_life":`).duration(e.Rolling.HalfLife)
	t.key(`,"mass":`).number(e.Rolling.Mass)
	t.key(`,"session_mass":`).number(e.Rolling.SessionMass)
	t.key(`},"modalities":{"text":`).modality(&e.Modalities.Text)
	t.key(`,"audio":`).modality(&e.Modalities.Audio)
	t.key(`,"video":`).modality(&e.Modalities.Video)
	t.key(`},"clock":{"source":`).string(string(e.Clock.Source))
	t.key(`,"error_bound":`).duration(e.Clock.ErrorBound)
	t.key(`},"latency":{"window":`).duration(e.Latency.Window)
	t.key(`,"queue":`).duration(e.Latency.Queue)
	t.key(`,"inference":`).duration(e.Latency.Inference)
	t.key(`,"publish":`).duration(e.Latency.Publish)
	t.key(`},"model":{"name":`).string(e.Model.Name)
	t.key(`,"version":`).string(e.Model.Version)
	t.key(`,"contract":`).string(e.Model.Contract)
	t.key(`}`)
	if e.Traceparent != "" {
		t.key(`,"traceparent":`).string(e.Traceparent)
	}
	t.key(`}`)
}

func (t *text) modality(m *Modality) {
	t.key(`{"present":`).key(strconv.FormatBool(m.Present))
	t.key(`,"coverage":`).number(m.Coverage)
	if m.Score != nil {
		t.key(`,"score":`).number(*m.Score)
	}
	if m.Weight != nil {
		t.key(`,"weight":`).number(*m.Weight)
	}
	if m.Reason != "" {
		t.key(`,"reason":`).string(string(m.Reason))
	}
	if !m.Context.IsZero() {
		t.key(`,"context":`).duration(m.Context)
	}
	t.key(`}`)
}

// key appends what is JSON already.
func (t *text) key(s string) *text {
	t.b = append(t.b, s...)
	return t
}

func (t *text) int(n int) { t.b = strconv.AppendInt(t.b, int64(n), 10) }

func (t *text) string(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			t.quote(s)
			return
		}
	}
	t.b = append(t.b, '"')
	t.b = append(t.b, s...)
	t.b = append(t.b, '"')
}

// quote leaves what is not plain ASCII to encoding/json.
func (t *text) quote(s string) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		t.fail(err)
	}
	t.b = append(t.b, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

func (t *text) number(n Number) {
	if x := float64(n); math.IsNaN(x) || math.IsInf(x, 0) {
		t.fail(fmt.Errorf("%w: %v", ErrNumber, x))
		return
	}
	t.b = n.append(t.b)
}

func (t *text) duration(d Duration) {
	t.key(`"`).key(d.rounded().String()).key(`"`)
}

func (t *text) time(at time.Time) {
	at = instant(at)
	if y := at.Year(); y < 0 || y > 9999 {
		t.fail(errYear)
		return
	}
	t.b = append(t.b, '"')
	t.b = at.AppendFormat(t.b, time.RFC3339Nano)
	t.b = append(t.b, '"')
}

func (t *text) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}
