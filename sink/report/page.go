package report

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/wording"
)

//go:embed report.html.tmpl report.css report.js
var assets embed.FS

// page is what the template draws. Places are percentages of the timeline.
type page struct {
	Title, Session string
	Lede           []sentence
	Facts          []fact
	Seconds        string
	Short          bool // the words can be read under the curve at once
	Long           bool // a window is less than a pixel
	Legend         string
	Ticks          []tick
	Step           string
	Together       *drawing
	People         []person
	Lines          []spoken
	Table          table
	Data           []series
	Policy         string
	Style          template.CSS
	Script         template.JS
}

// fact is an entry of the header.
type fact struct{ Term, Value, Note string }

// sentence is a piece of the summary, with the instants that it names.
type sentence struct {
	Name  string // of the participant; may be empty
	Parts []part
}

// part is some words, with an instant to go to after them, and what must not be
// torn from that at the end of a line.
type part struct{ Words, At, Clock, Stop string }

// How long, in seconds, a call may be for its words to stand under the curve
// from the beginning, and at all: the list of what was said has them anyway.
const (
	readable = 150
	placed   = 1800
)

func newPage(c Call) (*page, error) {
	events := slices.DeleteFunc(slices.Clone(c.Events), broken)
	slices.SortFunc(events, sink.Compare)
	names := map[string][]*sink.Event{}
	for _, e := range events {
		names[e.Participant] = append(names[e.Participant], e)
	}
	silent := map[string][]Silence{}
	for _, s := range c.Silent {
		silent[s.Participant] = append(silent[s.Participant], s)
		names[s.Participant] = append(names[s.Participant], nil...)
	}
	for name, segments := range c.Transcript {
		if len(segments) > 0 {
			names[name] = append(names[name], nil...)
		}
	}
	if len(names) == 0 {
		return nil, ErrEmpty
	}
	t := newTimeline(c, events)
	p := &page{Seconds: string(appendNumber(nil, t.seconds, 3)), Short: t.seconds <= readable, Long: t.pen.coarse}
	if len(events) > 0 {
		p.Session = events[0].Session
	}
	p.Title = cmp.Or(c.Title, p.Session, "A call")
	p.Ticks, p.Step = t.axis(14)
	all := newTranscript(t, c)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		who := newPerson(t, name, t.runs(names[name], silent[name]))
		all.tint(name, names[name], who.runs)
		if t.seconds <= placed {
			who.Cues = all.cues(name)
		}
		p.People = append(p.People, who)
		p.Data = append(p.Data, newSeries(name, who.all))
		p.Lede = append(p.Lede, describe(t, who))
	}
	if len(p.People) > 1 {
		p.Together = together(t, events)
	}
	p.Lines = all.lines()
	p.Legend = legend(events)
	p.Table = newTable(t, p.People)
	p.Facts = facts(t, events, len(p.People))
	return p, p.embed()
}

// broken reports whether an event has a number that cannot be drawn: none that
// was published has.
func broken(e *sink.Event) bool {
	sum := e.Score + e.Interval.Low + e.Interval.High + e.Rolling.Participant + e.Rolling.Session
	for _, m := range e.Modalities.All() {
		sum += m.Coverage + sink.Number(scoreOf(m)+weightOf(m))
	}
	return math.IsNaN(float64(sum)) || math.IsInf(float64(sum), 0)
}

// embed puts style and script into the page, and their hashes into the policy
// that lets the browser run nothing else.
func (p *page) embed() error {
	style, err := assets.ReadFile("report.css")
	if err != nil {
		return fmt.Errorf("read the report's style: %w", err)
	}
	script, err := assets.ReadFile("report.js")
	if err != nil {
		return fmt.Errorf("read the report's script: %w", err)
	}
	p.Style = template.CSS(style)  //nolint:gosec // our own asset
	p.Script = template.JS(script) //nolint:gosec // our own asset
	p.Policy = "default-src 'none'; base-uri 'none'; form-action 'none'; " +
		"script-src " + hash(script) + "; style-src-elem " + hash(style) + "; style-src-attr 'unsafe-inline'"
	return nil
}

func hash(asset []byte) string {
	sum := sha256.Sum256(asset)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func parse() (*template.Template, error) {
	t, err := template.ParseFS(assets, "report.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("read the report's template: %w", err)
	}
	return t, nil
}

// legend says what the curve is, if there is one.
func legend(events []*sink.Event) string {
	if len(events) == 0 {
		return ""
	}
	for _, e := range events {
		if e.Window.Kind == features.Sliding {
			return fmt.Sprintf("Score of each %s, drawn at their middle, in the interval that holds the truth %s of the time",
				wording.Lasting(e.Window.End.Sub(e.Window.Start).Seconds()), wording.Percent(float64(e.Interval.Level)))
		}
	}
	return "Score of each utterance, in the interval that holds the truth"
}

// facts fills the header.
func facts(t timeline, events []*sink.Event, people int) []fact {
	f := []fact{
		{Term: "Began", Value: begun(t.start)},
		{Term: "Length", Value: wording.Lasting(t.seconds)},
	}
	if people > 1 {
		f = append(f, fact{Term: "People", Value: strconv.Itoa(people)})
	}
	if len(events) == 0 {
		return f
	}
	var side, level float64
	worst := ingest.Clock{}
	for _, e := range events {
		side += float64(e.Interval.High-e.Interval.Low) / 2 / float64(len(events))
		level = float64(e.Interval.Level)
		worst = worst.Worse(ingest.Clock{Source: e.Clock.Source, ErrorBound: durationOf(e.Clock.ErrorBound)})
	}
	model := events[len(events)-1].Model
	return append(f,
		fact{Term: "How sure", Value: fmt.Sprintf("± %.2f", side), Note: wording.Percent(level) + " of the time, for a score from −1 to +1"},
		fact{Term: "Model", Value: model.Name, Note: "version " + cmp.Or(model.Version, "unknown")},
		fact{Term: "Timing", Value: clockName(worst.Source), Note: "streams agree to " + durationText(worst.ErrorBound)},
	)
}
