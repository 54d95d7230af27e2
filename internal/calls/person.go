package calls

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/transcript"
	"github.com/valence-live/valence/sink"
)

const (
	// hold is how long a missing picture is stood in for by the one before.
	hold = time.Second
	// textError bounds the error of a transcript's times against the other
	// tracks: recognisers place words to some tenths of a second, and the clock of
	// the one who sends them may differ from that of the media.
	textError = 500 * time.Millisecond
	// farOff is how far a transcript's times may lie from now.
	farOff = time.Minute
)

// person is one participant of a live call. Its methods may be called from any
// goroutine.
type person struct {
	call   *call
	id     *ingest.Participant
	tracks [ingest.NumModalities]*ingest.Track

	publishing sync.RWMutex // held to read while an event goes out, to write to erase

	mu       sync.Mutex
	seats    int
	erased   bool
	spoke    bool      // has a transcript
	first    time.Time // capture time of the first media
	shedFrom [ingest.NumModalities]time.Time
	activity sink.Activity
	reasons  *sink.Modes[ingest.Reason]
	latest   *sink.Event
	latency  latencies
	drops    map[string]uint64
}

func newPerson(c *call, id *ingest.Participant) *person {
	p := &person{call: c, id: id, activity: sink.Waiting, drops: map[string]uint64{}}
	for _, m := range ingest.Modalities() {
		p.tracks[m] = &ingest.Track{Participant: id, Modality: m}
	}
	return p
}

// join gives out a seat.
func (p *person) join() *seat {
	p.mu.Lock()
	p.seats++
	if p.activity == sink.Left {
		p.activity = sink.Waiting
	}
	p.mu.Unlock()
	p.tell()
	return &seat{person: p}
}

// leave takes a seat back.
func (p *person) leave() {
	p.mu.Lock()
	p.seats--
	if p.seats == 0 && !p.erased {
		p.activity, p.reasons = sink.Left, nil
	}
	p.mu.Unlock()
	p.call.active()
	p.tell()
}

func (p *person) connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seats > 0
}

func (p *person) speaks() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spoke
}

// take hands a sample to the call.
func (p *person) take(s ingest.Sample) error {
	p.mu.Lock()
	if p.first.IsZero() && s.Track.Modality != ingest.Text {
		p.first = s.Time
	}
	erased := p.erased
	p.mu.Unlock()
	if erased {
		release(s)
		return fmt.Errorf("%w: %q was erased", ErrEnded, p.id.ID())
	}
	err := p.call.inbox.put(errand{sample: s})
	if err != nil {
		release(s)
	}
	return err
}

// transcribe hands the segments of a message to the call.
func (p *person) transcribe(_ context.Context, contentType string, message []byte) (int, error) {
	segments, err := transcript.ParseLive(contentType, message)
	if err != nil {
		return 0, err
	}
	if why := p.id.Refusal(ingest.Text); why != "" {
		p.drop(ingest.Text, string(why), len(segments)) //nolint:contextcheck // a count belongs to no request
		return 0, fmt.Errorf("%w to analyse the words of %q", ErrNoConsent, p.id.ID())
	}
	p.mu.Lock()
	zero := p.first
	p.spoke = true
	p.mu.Unlock()
	now := time.Now()
	ready := make([]ingest.Segment, len(segments))
	for i, s := range segments {
		if ready[i], err = s.At(zero); err != nil {
			return 0, err // it names the segment
		}
		if off := ready[i].Start.Sub(now); off > farOff || off < -farOff-ready[i].End.Sub(ready[i].Start) {
			return 0, fmt.Errorf("%w: segment %d begins %s from now; set the clock, or send start_ms and end_ms, which count from the first media",
				ingest.ErrTranscript, i+1, off.Round(time.Millisecond))
		}
	}
	p.call.active()
	for i, s := range ready {
		if err := p.take(ingest.Sample{
			Track: p.tracks[ingest.Text], Time: s.Start, Payload: s,
			Clock: ingest.Clock{Source: ingest.ClockRecord, ErrorBound: textError},
		}); err != nil {
			return i, err
		}
	}
	return len(ready), nil
}

// publish sends an event out unless the person was erased, and notes it.
func (p *person) publish(ctx context.Context, e *sink.Event, to sink.Publisher) error {
	p.publishing.RLock()
	defer p.publishing.RUnlock()
	p.mu.Lock()
	if p.erased {
		p.mu.Unlock()
		return nil
	}
	if e.Window.Kind == features.Sliding {
		if p.latest == nil || !e.Window.End.Before(p.latest.Window.End) {
			p.latest = e
		}
		p.latency.add(e)
	}
	p.mu.Unlock()
	return to.Publish(ctx, e)
}

// erase ends the seats and waits for an event that is on its way out.
func (p *person) erase() {
	p.publishing.Lock()
	defer p.publishing.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erased, p.activity, p.latest, p.reasons = true, sink.Erased, nil, nil
}

// leftOut notes that a sample was shed.
func (p *person) leftOut(s ingest.Sample) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drops[string(ingest.ReasonShed)]++
	if m := s.Track.Modality; p.shedFrom[m].IsZero() {
		p.shedFrom[m] = s.Time
	}
}

// explain returns, before a sample that comes after some that were shed, the gap
// that says so. Single pictures are not missed.
func (p *person) explain(s ingest.Sample) (ingest.Sample, bool) {
	m := s.Track.Modality
	p.mu.Lock()
	from := p.shedFrom[m]
	p.shedFrom[m] = time.Time{}
	p.mu.Unlock()
	if from.IsZero() || !from.Before(s.Time) || m == ingest.Video && s.Time.Sub(from) < hold {
		return ingest.Sample{}, false
	}
	return ingest.Sample{
		Track: s.Track, Time: from, Clock: s.Clock,
		Payload: ingest.Gap{End: s.Time, Reason: ingest.ReasonShed},
	}, true
}

// drop counts what a connection had to leave out.
func (p *person) drop(m ingest.Modality, reason string, n int) {
	p.mu.Lock()
	p.drops[reason] += uint64(max(n, 0))
	p.mu.Unlock()
	p.call.registry.counters.drop(m, reason, n)
}

// now notes what the person does at present and tells it if that is new.
func (p *person) now(a sink.Activity, reasons *sink.Modes[ingest.Reason]) {
	p.mu.Lock()
	same := p.activity == a && (reasons == nil) == (p.reasons == nil) && (reasons == nil || *reasons == *p.reasons)
	if p.erased || p.activity == sink.Left || same {
		p.mu.Unlock()
		return
	}
	p.activity, p.reasons = a, reasons
	p.mu.Unlock()
	p.tell()
}

// tell lets those who watch know.
func (p *person) tell() sink.Status {
	s := p.status()
	if s.State != sink.Erased {
		p.call.registry.tell(s)
	}
	return s
}

func (p *person) status() sink.Status {
	purpose := p.call.purposeNow()
	p.mu.Lock()
	defer p.mu.Unlock()
	return sink.Status{
		Session: p.call.id, Participant: p.id.ID(), At: time.Now().UTC(),
		State: p.activity, Connected: p.seats > 0, Reasons: p.reasons, Purpose: purpose,
		Consent: sink.Modes[bool]{
			Text: p.id.Agreed(ingest.Text), Audio: p.id.Agreed(ingest.Audio), Video: p.id.Agreed(ingest.Video),
		},
	}
}

func (p *person) state() ParticipantState {
	s := ParticipantState{Status: p.status()}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Latest, s.Latency = p.latest, p.latency.summary()
	s.Drops = maps.Clone(p.drops)
	return s
}
