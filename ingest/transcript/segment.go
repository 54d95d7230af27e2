package transcript

import (
	"fmt"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
)

// Segment is a stretch of transcript as a live client states it: its times may
// count from media that is yet to come.
type Segment struct {
	// ID is percent-encoded; empty where the client states none.
	ID   string
	Text string
	// Final is false for a draft that a later segment with the same ID replaces.
	Final bool

	where      string // for errors: "segment 3"
	start, end moment
	words      []timedWord
}

// timedWord is one word as a client times it.
type timedWord struct {
	text       string
	start, end moment
}

// moment is a time as a client states it.
type moment struct {
	absolute bool
	at       time.Time     // the time of day, where absolute
	since    time.Duration // since the client's first media, where not
}

// after returns the time since the zero.
func (m moment) after(zero time.Time) time.Duration {
	if m.absolute {
		return m.at.Sub(zero)
	}
	return m.since
}

// in returns the time of day.
func (m moment) in(zero time.Time) time.Time {
	if m.absolute {
		return m.at.UTC()
	}
	return zero.Add(m.since).UTC()
}

// before compares two moments that are stated in the same way.
func (m moment) before(o moment) bool {
	return m.since < o.since || m.at.Before(o.at)
}

// check refuses what cannot be meant, encodes the id and tidies the text.
func (s *Segment) check() error {
	length := s.end.since - s.start.since
	if s.start.absolute {
		length = s.end.at.Sub(s.start.at)
	}
	id := encodeID(s.ID, 3*len(s.ID)+3)
	s.Text = strings.Join(strings.Fields(s.Text), " ")
	if s.Text == "" {
		s.Text = joined(s.words)
	}
	count := max(len(s.words), strings.Count(s.Text, " ")+1)
	switch {
	case length < 0:
		return fmt.Errorf("%s ends before it begins", s.where)
	case length > MaxLength:
		return fmt.Errorf("%s lasts %s, at most %s are taken; send shorter ones", s.where, length, MaxLength)
	case !s.start.absolute && s.start.since < 0:
		return fmt.Errorf("%s begins %s before the first media", s.where, -s.start.since)
	case !s.start.absolute && s.end.since > MaxDuration:
		return fmt.Errorf("%s ends %s after the first media, more than %s; give start and end as times of day", s.where, s.end.since, MaxDuration)
	case s.start.absolute && (s.start.at.Before(earliest()) || s.end.at.After(latest())):
		return fmt.Errorf("%s is of the year %d; that cannot be meant", s.where, s.start.at.Year())
	case count > MaxWords:
		return fmt.Errorf("%s has %d words, at most %d are taken; send shorter ones", s.where, count, MaxWords)
	case len(id) > maxCueID:
		return fmt.Errorf("%s: its id has %d bytes when it is percent-encoded, at most %d are taken", s.where, len(id), maxCueID)
	case id == "" && !s.Final:
		return fmt.Errorf("%s is not final and has no id; a draft needs one, so that it can be replaced", s.where)
	}
	s.ID = id
	return nil
}

// Times of day outside of these cannot be meant, and would overflow a count of
// nanoseconds.
func earliest() time.Time { return time.Unix(0, 0) }
func latest() time.Time   { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }

func joined(words []timedWord) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return strings.Join(texts, " ")
}

// Relative reports whether any of the segment's times counts from the first
// media of its participant.
func (s Segment) Relative() bool {
	relative := !s.start.absolute
	for _, w := range s.words {
		relative = relative || !w.start.absolute
	}
	return relative
}

// At places the segment in time. zero is the capture time of the participant's
// first media; the zero Time says that none has come: then a Relative segment
// cannot be placed, and the error wraps ingest.ErrTranscript.
//
// Words are brought into the segment and in order. A segment without an id is
// given one that depends on its times alone, so that sending it again changes
// nothing.
func (s Segment) At(zero time.Time) (ingest.Segment, error) {
	if zero.IsZero() && s.Relative() {
		return ingest.Segment{}, fmt.Errorf("%w: %s counts from the first media, and none has come; give start and end as times of day", ingest.ErrTranscript, s.where)
	}
	out := ingest.Segment{ID: s.ID, Start: s.start.in(zero), End: s.end.in(zero), Text: s.Text, Final: s.Final}
	if !out.Start.Before(out.End) {
		out.End = out.Start.Add(time.Millisecond) // some recognisers do that
	}
	if out.ID == "" {
		out.ID = fmt.Sprintf("-%d-%d", out.Start.UnixMilli(), out.End.UnixMilli())
	}
	from := out.Start
	for _, w := range s.words {
		start := within(w.start.in(zero), from, out.End)
		end := within(w.end.in(zero), start, out.End)
		out.Words = append(out.Words, ingest.Word{Text: w.text, Start: start, End: end})
		from = start
	}
	return out, nil
}

func within(t, from, to time.Time) time.Time {
	switch {
	case t.Before(from):
		return from
	case t.After(to):
		return to
	default:
		return t
	}
}
