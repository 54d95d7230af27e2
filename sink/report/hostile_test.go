package report_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/report"
	"github.com/valence-live/valence/sink/sinktest"
)

// hostile is text that tries to become markup, script or style, or to turn the
// page around.
func hostile() []string {
	return []string{
		`</script><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `"><svg onload=alert(1)>`, `</style><style>*{display:none}`,
		`{{.Title}}`, "\u202eright to left\u202c", "مرحبا بالعالم", "👩‍👩‍👧‍👦 ✓", "\x00\x1b[31m", "]]>", "<!--", "';alert(1)//", strings.Repeat("W", 500), "\xff\xfe",
	}
}

func TestNothingInACallBecomesMarkup(t *testing.T) {
	shape := func(c report.Call) []string {
		var names []string
		for _, n := range elements(t, draw(t, c)) {
			names = append(names, n.Data)
		}
		return names
	}
	benign, hostiles := call(20), call(20)
	for i, h := range hostile() {
		for participant, segments := range hostiles.Transcript {
			for j := range segments {
				segments[j].ID = h
				segments[j].Text = strings.TrimSpace(h)
				for k := range segments[j].Words {
					segments[j].Words[k].Text = h
				}
			}
			hostiles.Transcript[participant] = segments
		}
		for _, e := range hostiles.Events {
			e.Session, e.Polarity = h, h
			e.Model = sink.Model{Name: h, Version: h, Contract: h}
			e.Clock.Source = ingest.ClockSource(h)
			if e.Modalities.Video.Reason != "" {
				e.Modalities.Video.Reason = ingest.Reason(h)
			}
		}
		still := func(why ingest.Reason) []report.Silence {
			end := benign.End.Add(3 * time.Second)
			return []report.Silence{{Participant: "alice", Start: benign.End, End: end, Reasons: [ingest.NumModalities]ingest.Reason{why, why, why}}}
		}
		hostiles.Silent, benign.Silent = still(ingest.Reason(h)), still("other")
		hostiles.Title = h
		for j := range benign.Events {
			if benign.Events[j].Modalities.Video.Reason != "" {
				benign.Events[j].Modalities.Video.Reason = "other"
			}
		}
		benign.Title = "t"
		assert.Equal(t, shape(benign), shape(hostiles), "case %d: %.40q", i, h)
	}
}

func TestParticipantsWithHostileNamesAreShownAsText(t *testing.T) {
	for _, id := range append(sinktest.OddIDs(), hostile()...) {
		c := sinktest.NewCall("call", 5)
		for _, e := range c.Events {
			e.Participant, e.Session = id, id
		}
		page := draw(t, report.Call{Events: c.Events})
		scripts := 0
		for _, n := range elements(t, page) {
			if n.Data == "script" {
				scripts++
			}
			assert.NotEqual(t, "img", n.Data)
			assert.Empty(t, attribute(n, "onload"))
		}
		assert.Equal(t, 2, scripts)
	}
}

func TestNumbersAndTimesThatMakeNoSenseAreDrawnSomehow(t *testing.T) {
	for _, spoil := range []func(*sink.Event){
		func(e *sink.Event) { e.Score = sink.Number(math.NaN()) },
		func(e *sink.Event) { e.Score, e.Interval.High = 1e9, sink.Number(math.Inf(1)) },
		func(e *sink.Event) { e.Score, e.Interval.Low, e.Rolling.Session = 99, -99, 99 },
		func(e *sink.Event) { e.Window.End = time.Time{} },
		func(e *sink.Event) { e.Window.End = time.Unix(1<<40, 0) },
		func(e *sink.Event) { e.Window.Start = e.Window.End.Add(time.Hour) },
		func(e *sink.Event) { w := sink.Number(-7); e.Modalities.Text.Weight = &w },
		func(e *sink.Event) { e.Modalities.Text.Score = nil },
		func(e *sink.Event) { e.Window.Kind = "later" },
	} {
		some, all := call(30), call(30)
		spoil(some.Events[17])
		draw(t, some)
		all.Start, all.End = time.Time{}, time.Time{}
		for _, e := range all.Events {
			spoil(e)
		}
		still := report.Silence{Participant: "alice", Start: some.Events[17].Window.Start, End: some.Events[17].Window.End}
		some.Silent, all.Silent = append(some.Silent, still), append(all.Silent, still)
		for _, c := range []report.Call{some, all, {Silent: all.Silent}} {
			var b strings.Builder
			if err := report.Write(&b, c); err != nil {
				require.ErrorIs(t, err, report.ErrEmpty)
			}
			assert.NotContains(t, b.String(), "NaN ")
			assert.NotContains(t, b.String(), "ZgotmplZ")
		}
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("alice", "hello <b>", "muted", 0.5, 0.2, int64(8000), int64(1000))
	f.Add("\u202e", "</script>", "", -3.0, 1e300, int64(-5), int64(1<<60))
	f.Fuzz(func(t *testing.T, who, said, reason string, score, weight float64, end, step int64) {
		var c report.Call
		for i := range int64(4) {
			e := sinktest.Event("call", who, 0)
			e.ID += string(rune('0' + i))
			e.Window.End = time.UnixMilli(end).Add(time.Duration(i * step))
			e.Window.Start = e.Window.End.Add(-8 * time.Second)
			w := sink.Number(weight)
			e.Score, e.Modalities.Text.Weight = sink.Number(score), &w
			e.Modalities.Video.Reason = ingest.Reason(reason)
			c.Events = append(c.Events, e)
			c.Silent = append(c.Silent, report.Silence{
				Participant: who + reason, Start: e.Window.Start, End: e.Window.End, Reasons: [ingest.NumModalities]ingest.Reason{ingest.Reason(reason)},
			})
		}
		c.Transcript = map[string][]ingest.Segment{who: {{ID: said, Start: time.UnixMilli(end), End: time.UnixMilli(end + step), Text: said}}}
		var b bytes.Buffer
		require.NoError(t, report.Write(&b, c))
		scripts := 0
		for _, n := range elements(t, b.String()) {
			if n.Data == "script" {
				scripts++
			}
		}
		require.Equal(t, 2, scripts)
		require.NotContains(t, b.String(), "ZgotmplZ")
	})
}
