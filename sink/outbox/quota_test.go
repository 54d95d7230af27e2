package outbox_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/outbox"
)

var errFull = errors.New("no space is left on the device")

// disk is a sink whose space somebody else uses, too: it takes some events,
// refuses all others, and is cleaned up after a while.
type disk struct {
	server
	room int
}

func (d *disk) fills(room int) {
	d.breaks(func(*sink.Event) error {
		if d.room <= 0 {
			return errFull
		}
		d.room--
		return nil
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = room
}

// A disk that is full, or a quota that is used up, in the middle of whatever is under
// way: twenty times, each for half a minute.
func TestAFullDiskCostsNoFinalEvent(t *testing.T) {
	for round := range uint64(20) {
		for _, together := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) { fullDisk(t, rand.New(rand.NewPCG(round, 1)), together) })
		}
	}
}

func fullDisk(t *testing.T, random *rand.Rand, together bool) {
	t.Helper()
	d := &disk{}
	var next sink.Publisher = d
	if together {
		next = &bulk{server: &d.server}
	}
	cfg := outbox.Default()
	cfg.Capacity = 20 // a line that is soon full, too
	by := func(o *outbox.Outbox) sink.Publisher { return o }
	if random.IntN(2) == 0 {
		by = (*outbox.Outbox).Patient // whatever the policy
	} else {
		cfg.Full = outbox.Block
	}
	o := start(t, cfg, next)
	d.fills(random.IntN(100))
	var want []string
	done := make(chan error)
	go func() {
		var err error
		for i := 0; i < 60 && err == nil; i++ {
			for _, who := range []string{"alice", "bob"} {
				err = errors.Join(err, by(o).Publish(t.Context(), provisional(who, i)), by(o).Publish(t.Context(), final(who, i)))
				want = append(want, ids([]*sink.Event{final(who, i)})...)
			}
			time.Sleep(time.Second)
		}
		done <- err
	}()
	time.Sleep(time.Duration(20+random.IntN(20)) * time.Second)
	d.back()
	require.NoError(t, <-done)
	require.NoError(t, o.Flush(t.Context()))
	var got []string
	for _, e := range d.got() {
		if e.State != features.Provisional {
			got = append(got, ids([]*sink.Event{e})...)
		}
	}
	assert.Equal(t, want, got, "all of them, once, in order")
}
