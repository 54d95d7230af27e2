package align_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
)

// Each file of testdata is a story about the units of one or more participants
// and the windows that come of them. A line is one of
//
//	config KEY=VALUE...                 before anything else: window, hop, lateness, idle, correction, provisional, min_text, limit
//	join NAME                           somebody is there, of whom nothing came yet
//	sample NAME audio|video AT [REASON] one step (100 ms of audio, 200 ms of video) that begins there
//	sample NAME audio|video A..B [REASON]    all steps from A until B; with a REASON they are not usable
//	sample NAME both A..B [REASON]           steps of both, in order of time
//	say NAME ID A..B "WORDS"            a final segment, its words spread over it
//	draft NAME ID A..B "WORDS"          the same, unfinished
//	mark NAME TRACK AT [REASON]         everything before was emitted
//	end NAME TRACK AT [REASON]          the track is over
//	withdraw NAME TRACK REASON          what is kept of the track is erased
//	watermark AT                        a mark on every track that there is
//	advance AT | tick AT | flush        for every participant
//	expect [NAME] STATE [ID] [A,B) STREAMS   the next window
//	expect empty N                      N windows without any stream
//	expect nothing                      no window is left
//	expect watermark NAME AT
//	expect late|ahead|repeated|overflow NAME TRACK N
//	expect skipped NAME N
//
// STATE is window (final), provisional or corrected-N. STREAMS are those
// present, separated by commas: audio, or audio:0.50 with its coverage, or
// text="WORDS" with its words; video=REASON says why one is absent. A window
// that is not expected before the next line that hands in something is a failure.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := story{cfg: align.Default(), people: map[string]*person{}}
			n := 0
			for line := range strings.Lines(string(script)) {
				n++
				line, _, _ = strings.Cut(line, "#")
				if err := s.line(strings.Fields(line)); err != nil {
					t.Fatalf("%s:%d: %s\n%v", file, n, strings.TrimSpace(line), err)
				}
			}
			if err := s.nothing(); err != nil {
				t.Fatalf("%s: at its end: %v", file, err)
			}
		})
	}
}

// story is one script in progress.
type story struct {
	cfg    align.Config
	people map[string]*person
	names  []string // in the order of their coming
	queue  []*features.Window
	words  []string // what a token's value stands for
}

type person struct {
	*align.Aligner
	tracks [ingest.NumModalities]bool
}

func (s *story) line(f []string) error {
	if len(f) == 0 {
		return nil
	}
	if f[0] == "expect" {
		return s.expect(f[1:])
	}
	if err := s.nothing(); err != nil {
		return err
	}
	switch f[0] {
	case "config":
		return s.config(f[1:])
	case "join":
		_, err := s.person(strings.Join(f[1:], ""))
		return err
	case "sample":
		return s.sample(f[1:])
	case "say", "draft":
		return s.say(f[0] == "say", f[1:])
	case "mark", "end":
		return s.mark(f[0] == "end", f[1:])
	case "withdraw":
		return s.withdraw(f[1:])
	case "watermark", "advance", "tick", "flush":
		return s.clock(f)
	default:
		return fmt.Errorf("there is no command %q", f[0])
	}
}

func (s *story) config(f []string) error {
	for _, setting := range f {
		key, value, _ := strings.Cut(setting, "=")
		durations := map[string]*time.Duration{
			"window": &s.cfg.Window, "hop": &s.cfg.Hop, "lateness": &s.cfg.Lateness, "idle": &s.cfg.Idle,
			"correction": &s.cfg.Correction, "limit": &s.cfg.Limits.Window,
		}
		var err error
		switch d := durations[key]; {
		case d != nil:
			*d, err = time.ParseDuration(value)
		case key == "provisional":
			s.cfg.Provisional = true
		case key == "min_text":
			s.cfg.MinText, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("there is no setting %q", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *story) person(name string) (*person, error) {
	if p := s.people[name]; p != nil {
		return p, nil
	}
	who, err := ingest.NewParticipant("call", name)
	if err != nil {
		return nil, err
	}
	a, err := align.New(who, s.cfg, func(w *features.Window) { s.queue = append(s.queue, w) })
	if err != nil {
		return nil, err
	}
	s.people[name] = &person{Aligner: a}
	s.names = append(s.names, name)
	return s.people[name], nil
}

// subject reads NAME TRACK.
func (s *story) subject(f []string) (*person, ingest.Modality, error) {
	if len(f) < 3 {
		return nil, 0, errors.New("a name, a track and a time are missing")
	}
	m, err := ingest.ParseModality(f[1])
	if err != nil {
		return nil, 0, err
	}
	p, err := s.person(f[0])
	if err != nil {
		return nil, 0, err
	}
	p.tracks[m] = true
	return p, m, nil
}

func (s *story) sample(f []string) error {
	const step = 100 * time.Millisecond
	both := len(f) > 2 && f[1] == "both"
	if both {
		f = slices.Clone(f)
		f[1] = "video"
	}
	p, m, err := s.subject(f)
	if err != nil {
		return err
	}
	first, last, isRange := strings.Cut(f[2], "..")
	from, err := instant(first)
	if err != nil {
		return err
	}
	to := from.Add(step)
	if isRange {
		if to, err = instant(last); err != nil {
			return err
		}
	}
	push := func(m ingest.Modality, at time.Time, length time.Duration) {
		v := features.Vector{Modality: m, Start: at, End: at.Add(length), Values: []float32{1}}
		if len(f) > 3 {
			v.Values, v.Reason = nil, ingest.Reason(f[3])
		}
		p.Push(v)
	}
	for i := 0; from.Before(to); i++ {
		if m == ingest.Video && i%2 == 0 {
			push(ingest.Video, from, 2*step)
		}
		if m == ingest.Audio || both {
			push(ingest.Audio, from, step)
			p.tracks[ingest.Audio] = true
		}
		from = from.Add(step)
	}
	return nil
}

func (s *story) say(final bool, f []string) error {
	if len(f) < 3 {
		return errors.New("a name, an id and an interval are missing")
	}
	p, err := s.person(f[0])
	if err != nil {
		return err
	}
	p.tracks[ingest.Text] = true
	first, last, _ := strings.Cut(f[2], "..")
	from, err := instant(first)
	if err != nil {
		return err
	}
	to, err := instant(last)
	if err != nil {
		return err
	}
	seg := features.Segment{ID: f[1], Start: from, End: to, Final: final}
	words := strings.Fields(strings.Trim(strings.Join(f[3:], " "), `"`))
	for i, word := range words {
		span := features.Interval{
			Start: from.Add(to.Sub(from) * time.Duration(i) / time.Duration(len(words))),
			End:   from.Add(to.Sub(from) * time.Duration(i+1) / time.Duration(len(words))),
		}
		if !slices.Contains(s.words, word) {
			s.words = append(s.words, word)
		}
		value := float32(slices.Index(s.words, word))
		seg.Words = append(seg.Words, span)
		seg.Tokens = append(seg.Tokens, features.Vector{Start: span.Start, End: span.End, Values: []float32{value}})
	}
	p.Push(seg)
	return nil
}

func (s *story) mark(end bool, f []string) error {
	p, m, err := s.subject(f)
	if err != nil {
		return err
	}
	at, err := instant(f[2])
	if err != nil {
		return err
	}
	p.Push(features.Mark{Modality: m, Time: at, Reason: ingest.Reason(strings.Join(f[3:], "")), End: end})
	return nil
}

func (s *story) withdraw(f []string) error {
	p, m, err := s.subject(f)
	if err != nil {
		return err
	}
	p.Withdraw(m, ingest.Reason(f[2]))
	return nil
}

func (s *story) clock(f []string) error {
	var at time.Time
	if f[0] != "flush" {
		var err error
		if at, err = instant(strings.Join(f[1:], "")); err != nil {
			return err
		}
	}
	for _, name := range s.names {
		p := s.people[name]
		switch f[0] {
		case "advance":
			p.Advance(at)
		case "tick":
			p.Tick(at)
		case "flush":
			p.Flush()
		case "watermark":
			for _, m := range ingest.Modalities() {
				if p.tracks[m] {
					p.Push(features.Mark{Modality: m, Time: at})
				}
			}
		}
	}
	return nil
}

// instant reads a time of the script: since 1970.
func instant(text string) (time.Time, error) {
	d, err := time.ParseDuration(text)
	return time.Unix(0, int64(d)).UTC(), err
}

func (s *story) nothing() error {
	if len(s.queue) > 0 {
		return fmt.Errorf("a window that nobody expected:\n%s", s.tell(s.queue))
	}
	return nil
}

func (s *story) expect(f []string) error {
	if len(f) == 0 {
		return errors.New("what is expected?")
	}
	switch f[0] {
	case "nothing":
		return s.nothing()
	case "empty":
		return s.expectEmpty(strings.Join(f[1:], ""))
	case "watermark", "late", "ahead", "repeated", "overflow", "skipped":
		return s.expectFigure(f)
	}
	if len(s.queue) == 0 {
		return errors.New("no window came")
	}
	w := s.queue[0]
	got := s.describe(w, f)
	if want := strings.Join(f, " "); got != want {
		return fmt.Errorf("want %s\n got %s\nwaiting:\n%s", want, got, s.tell(s.queue))
	}
	s.queue = s.queue[1:]
	w.Release()
	return nil
}

func (s *story) expectEmpty(count string) error {
	n, err := strconv.Atoi(count)
	for i := range n {
		if i == len(s.queue) || !s.queue[i].Empty() {
			return fmt.Errorf("after %d of them:\n%s", i, s.tell(s.queue[i:]))
		}
	}
	if err == nil {
		s.queue = s.queue[n:]
	}
	return err
}

func (s *story) expectFigure(f []string) error {
	if len(f) < 3 {
		return errors.New("a name and a figure are missing")
	}
	p, err := s.person(f[1])
	if err != nil {
		return err
	}
	stats := p.Stats()
	if f[0] == "watermark" {
		if got := since(p.Watermark()); got != f[2] {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	}
	if f[0] == "skipped" {
		if got := strconv.FormatUint(stats.Skipped, 10); got != f[2] {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	}
	m, err := ingest.ParseModality(f[2])
	if err != nil {
		return err
	}
	counts := map[string][ingest.NumModalities]uint64{
		"late": stats.Late, "ahead": stats.Ahead, "repeated": stats.Repeated, "overflow": stats.Overflow,
	}
	if got := strconv.FormatUint(counts[f[0]][m], 10); got != strings.Join(f[3:], "") {
		return fmt.Errorf("it is %s", got)
	}
	return nil
}

// describe says of a window what the expectation says, in its form: a stream
// that it does not name is named if it is present.
func (s *story) describe(w *features.Window, like []string) string {
	var out []string
	if s.people[like[0]] != nil || len(s.names) > 1 {
		out = append(out, w.Participant.ID())
	}
	switch w.State {
	case features.Final:
		out = append(out, "window")
	case features.Provisional:
		out = append(out, "provisional")
	case features.Corrected:
		out = append(out, fmt.Sprintf("corrected-%d", w.Revision))
	}
	if w.Kind == features.Utterance {
		out = append(out, w.Segment)
	}
	out = append(out, fmt.Sprintf("[%s,%s)", since(w.Start), since(w.End)))
	wanted := like[len(like)-1]
	if i := slices.IndexFunc(like, func(word string) bool { return strings.HasPrefix(word, "[") }); i >= 0 {
		wanted = strings.Join(like[i+1:], " ")
	}
	if streams := s.streams(w, wanted); streams != "" {
		out = append(out, streams)
	}
	return strings.Join(out, " ")
}

// streams describes them in the order and the detail of the expectation.
func (s *story) streams(w *features.Window, like string) string {
	var out []string
	named := [ingest.NumModalities]bool{}
	for item := range strings.SplitSeq(like, ",") {
		name := item[:max(0, strings.IndexAny(item+":", ":="))]
		m, err := ingest.ParseModality(name)
		if err != nil {
			continue
		}
		named[m] = true
		stream := w.Streams[m]
		switch {
		case !stream.Present:
			out = append(out, name+"="+string(stream.Reason))
		case strings.HasPrefix(item, name+":"):
			out = append(out, fmt.Sprintf("%s:%.2f", name, stream.Coverage))
		case strings.HasPrefix(item, `text="`):
			out = append(out, fmt.Sprintf("text=%q", s.text(w)))
		default:
			out = append(out, name)
		}
	}
	for _, m := range ingest.Modalities() {
		if w.Streams[m].Present && !named[m] {
			out = append(out, m.String())
		}
	}
	return strings.Join(out, ",")
}

func (s *story) text(w *features.Window) string {
	var words []string
	for _, v := range w.Text {
		words = append(words, s.words[int(v.Values[0])])
	}
	return strings.Join(words, " ")
}

// tell lists windows, with everything that an expectation could say.
func (s *story) tell(windows []*features.Window) string {
	var b strings.Builder
	for i, w := range windows {
		if i == 10 {
			fmt.Fprintf(&b, "     and %d more\n", len(windows)-i)
			break
		}
		fmt.Fprintf(&b, "     %s (revision %d)\n", s.describe(w, []string{w.Participant.ID(), "[", `text="`, ",audio:,video:"}), w.Revision)
	}
	return b.String()
}

func since(t time.Time) string { return fmt.Sprintf("%gs", t.Sub(time.Unix(0, 0)).Seconds()) }
