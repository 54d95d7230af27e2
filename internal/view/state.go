package view

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// state is what a View knows.
type state struct {
	title       string
	done, total time.Duration // of the input
	elapsed     time.Duration // since the view began
	people      []*person     // by name
	together    []float64     // the session's rolling value, one entry an instant
	instant     time.Time     // of the newest
}

// person is one participant.
type person struct {
	name    string
	sliding bool      // has sliding windows, so that utterances do not count
	trail   []float64 // the rolling value, the newest last
	newest  *sink.Event
	still   *reasons // why there is nothing to score since; nil if there is

	sum, low, high float64 // of the scores
	n              int
	missing        [ingest.NumModalities]map[ingest.Reason]int // windows that were scored
	quiet          [ingest.NumModalities]map[ingest.Reason]int // and that could not be
}

// memory is how many values of a trail are kept: more than a terminal is wide.
const memory = 512

// add takes an event in.
func (s *state) add(e *sink.Event) {
	p := s.person(e.Participant)
	if e.Window.Kind == features.Sliding && !p.sliding {
		*p = person{name: p.name, sliding: true, quiet: p.quiet}
	}
	if p.sliding != (e.Window.Kind == features.Sliding) {
		return
	}
	switch {
	case p.newest == nil || e.Window.End.After(p.newest.Window.End):
		p.count(e)
		p.trail = push(p.trail, float64(e.Rolling.Participant))
		s.join(e)
	case e.ID == p.newest.ID:
		p.trail[len(p.trail)-1] = float64(e.Rolling.Participant)
		s.join(e)
	default:
		return // a correction of the past
	}
	p.newest, p.still = e, nil
}

// join takes the session's value of an event in.
func (s *state) join(e *sink.Event) {
	switch end := e.Window.End; {
	case end.After(s.instant):
		s.together, s.instant = push(s.together, float64(e.Rolling.Session)), end
	case end.Equal(s.instant):
		s.together[len(s.together)-1] = float64(e.Rolling.Session)
	}
}

// windows is how many were scored.
func (s *state) windows() int {
	n := 0
	for _, p := range s.people {
		n += p.n
	}
	return n
}

func (p *person) count(e *sink.Event) {
	score := float64(e.Score)
	if p.n == 0 {
		p.low, p.high = score, score
	}
	p.n++
	p.sum, p.low, p.high = p.sum+score, min(p.low, score), max(p.high, score)
	for m, part := range e.Modalities.All() {
		if part.Present {
			continue
		}
		if p.missing[m] == nil {
			p.missing[m] = map[ingest.Reason]int{}
		}
		p.missing[m][part.Reason]++
	}
}

func push(trail []float64, x float64) []float64 {
	if len(trail) >= 2*memory {
		trail = append(trail[:0], trail[len(trail)-memory:]...)
	}
	return append(trail, x)
}

func (s *state) person(id string) *person {
	name := printable(id)
	at, found := slices.BinarySearchFunc(s.people, name, func(p *person, name string) int { return strings.Compare(p.name, name) })
	if !found {
		s.people = slices.Insert(s.people, at, &person{name: name})
	}
	return s.people[at]
}

// printable keeps ids from steering the terminal.
func printable(id string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, id)
}
