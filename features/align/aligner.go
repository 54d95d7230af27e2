package align

import (
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// Aligner makes the Windows of one participant. It is used by one goroutine at
// a time, holds no other, and reads no clock.
type Aligner struct {
	participant *ingest.Participant
	cfg         Config
	emit        func(*features.Window)

	tracks [ingest.NumModalities]track
	steps  [ingest.NumModalities]steps // of audio and video
	text   transcript

	now, wall   time.Time // as Advance and Tick said last
	newest      time.Time // how far the foremost track has come
	first, last time.Time // where the first unit begins, where the last ends

	complete time.Time // the participant's watermark: what ends by then is final
	next     time.Time // end of the next final sliding window; zero before the first unit
	early    time.Time // end of the next provisional one
	begun    bool      // the first final one was handed out: next only moves on
	done     []record  // final sliding windows that may still be corrected, in order
	freed    time.Time // what ends by then holds no Receipt any more

	stats   Stats
	closed  bool
	scratch scratch
}

// Stats counts the units that did not make it, and the windows that were not
// worth handing out.
type Stats struct {
	// Late units came after a window that should have held them was final and
	// could not be corrected any more. Those that an open window can use enter it.
	Late [ingest.NumModalities]uint64
	// Ahead units begin more than a minute after everything that is known.
	Ahead [ingest.NumModalities]uint64
	// Repeated units say again what is known: a step that begins with another,
	// or an unfinished segment after its final form.
	Repeated [ingest.NumModalities]uint64
	// Overflow counts what was given up because more was waiting than memory is
	// set aside for.
	Overflow [ingest.NumModalities]uint64
	// Malformed units make no sense: no modality, no id, an end before the start.
	Malformed uint64
	// Skipped windows lay in a stretch of more than a minute without any unit.
	Skipped uint64
}

// New returns an Aligner that hands each Window to emit, in the goroutine that
// calls Push, Advance, Tick or Flush. emit owns the Window and must Release it
// in the end; it must not call the Aligner.
func New(p *ingest.Participant, cfg Config, emit func(*features.Window)) (*Aligner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Aligner{participant: p, cfg: cfg, emit: emit, scratch: newScratch()}, nil
}

// Push hands in what an Extractor emitted. The Aligner owns the unit and its
// Receipt. What cannot be used is counted in Stats, released and forgotten.
func (a *Aligner) Push(u features.Unit) {
	switch u := u.(type) {
	case features.Vector:
		if a.closed || !a.vector(u) {
			u.Receipt.Release()
		}
	case features.Segment:
		if a.closed || !a.segment(u) {
			u.Receipt.Release()
		}
	case features.Mark:
		if !a.closed {
			a.mark(u)
		}
	default:
		a.stats.Malformed++ // nil: the set is closed
	}
	a.drain()
}

// Advance says what time it is in the input: whatever was captured before t
// has been pushed, unless it is late. Idleness is measured on it and it can
// make windows final, so it must be a time that would be the same if the input
// were read again, or the clock of an input that cannot be read again. It goes
// only forward; call it at least a few times in each Config.Idle.
func (a *Aligner) Advance(t time.Time) {
	t = t.Round(0)
	if a.closed || !representable(t) || !t.After(a.now) {
		return
	}
	if a.now.IsZero() {
		for i := range a.tracks {
			a.tracks[i].moved = t
		}
	}
	a.now = t
	a.drain()
}

// Tick says what the wall clock shows while the input is read from a log. It
// hands out provisional windows that would else wait for a track that stands
// still, and changes nothing that is final.
func (a *Aligner) Tick(wall time.Time) {
	if a.closed || !wall.After(a.wall) {
		return
	}
	if a.wall.IsZero() {
		for i := range a.tracks {
			a.tracks[i].movedWall = wall
		}
	}
	a.wall = wall
	if a.cfg.Provisional {
		a.fireProvisional(a.reachByWall())
	}
}

// Flush makes final whatever is open, through the hop after the last unit.
func (a *Aligner) Flush() {
	if a.closed {
		return
	}
	a.complete = later(a.complete, a.end())
	a.drain()
}

// Close gives back every Receipt. Nothing is handed out any more, and what is
// pushed is released at once.
func (a *Aligner) Close() {
	a.closed = true
	for m := range a.steps {
		a.steps[m].drop(len(a.steps[m].all))
	}
	a.text.remove(func(*segment) bool { return true })
	a.done = nil
}

// Stats returns the counts so far.
func (a *Aligner) Stats() Stats { return a.stats }

// Watermark returns the time up to which windows are final; zero before the
// first unit. How far it trails the clock is the latency of final scores.
func (a *Aligner) Watermark() time.Time { return a.complete }

// Over reports whether every track has ended. Then all windows are final and
// only corrections can follow, unless a track goes on.
func (a *Aligner) Over() bool {
	known := false
	for i := range a.tracks {
		if a.tracks[i].known && !a.tracks[i].over {
			return false
		}
		known = known || a.tracks[i].known
	}
	return known
}
