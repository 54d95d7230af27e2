package batch

import (
	"slices"
	"sync"

	"github.com/valence-live/valence/ingest"
)

// turns lets one window of a participant through at a time, in the order in
// which they came: whatever happens behind it, their answers keep that order.
type turns struct {
	mu sync.Mutex
	// lines has a key for each participant who has the turn, with those who wait
	// for it.
	lines map[*ingest.Participant][]chan struct{}
}

func newTurns() turns { return turns{lines: map[*ingest.Participant][]chan struct{}{}} }

// take waits for the participant's turn.
func (t *turns) take(p *patience, who *ingest.Participant) error {
	t.mu.Lock()
	line, taken := t.lines[who]
	if !taken {
		t.lines[who] = nil
		t.mu.Unlock()
		return nil
	}
	mine := make(chan struct{}, 1)
	t.lines[who] = append(line, mine)
	t.mu.Unlock()
	if _, err := receive(p, mine); err != nil {
		t.leave(who, mine)
		return err
	}
	return nil
}

// leave gives up waiting. The turn may have come meanwhile: then it is passed on.
func (t *turns) leave(who *ingest.Participant, mine chan struct{}) {
	t.mu.Lock()
	i := slices.Index(t.lines[who], mine)
	if i >= 0 {
		t.lines[who] = slices.Delete(t.lines[who], i, i+1)
	}
	t.mu.Unlock()
	if i < 0 {
		t.pass(who)
	}
}

// pass gives the turn to the next in line.
func (t *turns) pass(who *ingest.Participant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := t.lines[who]
	if len(line) == 0 {
		delete(t.lines, who)
		return
	}
	line[0] <- struct{}{}
	t.lines[who] = line[1:]
}
