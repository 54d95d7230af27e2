package webrtc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/valence-live/valence/ingest"
)

// seating is a fake of the live calls: it keeps what comes.
type seating struct {
	mu     sync.Mutex
	people map[string]*guest
	err    error // of the next Join
}

// guest is a participant, and the seat of every connection.
type guest struct {
	entry  ingest.Entry
	tracks [ingest.NumModalities]*ingest.Track
	over   error // of Handle

	mu       sync.Mutex
	samples  [ingest.NumModalities][]note
	messages []string
	joined   int
	left     int
	dropped  map[string]int
	keep     func(ingest.Sample)
}

// note is what a test remembers of a Sample.
type note struct {
	at    time.Time
	clock ingest.Clock
	kind  string // pcm, picture, gap:reason, end:reason, progress
	width int
	size  time.Duration
	end   time.Time
	came  time.Time
}

func newSeating() *seating { return &seating{people: make(map[string]*guest)} }

func (s *seating) Join(e ingest.Entry) (ingest.Seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	p, err := ingest.NewParticipant(e.Session, e.Participant)
	if err != nil {
		return nil, err
	}
	key := e.Session + "/" + e.Participant
	g := s.people[key]
	if g == nil {
		g = &guest{}
		for _, m := range ingest.Modalities() {
			g.tracks[m] = &ingest.Track{Participant: p, Modality: m}
		}
		s.people[key] = g
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entry = e
	g.joined++
	g.tracks[0].Participant.Grant(e.Consent...)
	return g, nil
}

func (s *seating) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// guest returns a participant, or nil before they came.
func (s *seating) guest(key string) *guest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.people[key]
}

func (g *guest) Track(m ingest.Modality) *ingest.Track { return g.tracks[m] }

func (g *guest) Handle(_ context.Context, s ingest.Sample) error {
	n := note{at: s.Time, clock: s.Clock, came: time.Now()}
	switch p := s.Payload.(type) {
	case ingest.PCM:
		n.kind, n.size = "pcm", p.Duration()
	case *ingest.Picture:
		n.kind, n.width = "picture", p.Width
		defer p.Release()
	case ingest.Gap:
		n.kind, n.end = "gap:"+string(p.Reason), p.End
	case ingest.End:
		n.kind = "end:" + string(p.Reason)
	case ingest.Progress:
		n.kind = "progress"
	case ingest.Segment:
		n.kind = "segment"
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.samples[s.Track.Modality] = append(g.samples[s.Track.Modality], n)
	if g.keep != nil {
		g.keep(s)
	}
	return g.over
}

func (g *guest) Transcribe(_ context.Context, contentType string, message []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if contentType != "application/json" || !json.Valid(message) {
		return 0, fmt.Errorf("%w: not JSON", ingest.ErrTranscript)
	}
	if strings.Contains(string(message), "secret") {
		return 0, errors.New("text is not agreed to")
	}
	g.messages = append(g.messages, string(message))
	return 1, nil
}

func (g *guest) Drop(m ingest.Modality, reason string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dropped == nil {
		g.dropped = make(map[string]int)
	}
	g.dropped[m.String()+" "+reason] += n
}

func (g *guest) drops() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.dropped)
}

func (g *guest) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left++
}

func (g *guest) end(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = err
}

// notes returns what came of a modality so far.
func (g *guest) notes(m ingest.Modality) []note {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.samples[m])
}

// count counts the notes of a modality whose kind begins so.
func (g *guest) count(m ingest.Modality, kind string) int {
	n := 0
	for _, s := range g.notes(m) {
		if strings.HasPrefix(s.kind, kind) {
			n++
		}
	}
	return n
}

func (g *guest) seats() (joined, left int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.joined, g.left
}

func (g *guest) said() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.messages)
}
