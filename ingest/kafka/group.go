package kafka

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// errSilent says why a member gives up its partitions on its own account.
var errSilent = errors.New("the group has given us up, or no heartbeat was answered within the session timeout")

// join tries to get a seat until it has one or ctx ends. Lanes stand still
// meanwhile; if the group may give their partitions away they are dropped.
func (c *Consumer) join(ctx context.Context) (assignment, bool) {
	var pause backoff
	for ctx.Err() == nil {
		a, err := c.member.join(ctx, c.Partitions(), c.count)
		if err == nil {
			c.counters.rebalances.Add(ctx, 1)
			c.mu.Lock()
			c.waiting = nil
			c.mu.Unlock()
			c.set.Logger.InfoContext(ctx, "joined the group", slog.String("group", c.cfg.Group), slog.Int("generation", int(a.generation)),
				slog.Any("partitions", a.partitions), slog.Bool("leader", a.leader), slog.Bool("continuous", a.continuous))
			return a, true
		}
		if errors.Is(err, kafkago.RebalanceInProgress) {
			continue // members come and go; the group throttles us
		}
		if stale(err) {
			c.dropAll()
			continue
		}
		if ctx.Err() == nil {
			c.wait(err)
			if !settling(err) || pause.last > time.Second {
				c.trouble.Warn(ctx, err)
			}
		}
		pause.wait(ctx)
	}
	return assignment{}, false
}

// settling reports whether an error is usual while a broker starts or a group
// is new.
func settling(err error) bool {
	return errors.Is(err, kafkago.NotCoordinatorForGroup) || errors.Is(err, kafkago.GroupCoordinatorNotAvailable) || errors.Is(err, kafkago.GroupLoadInProgress)
}

// arrange drops lanes whose partitions are gone, lets those go on that stay,
// and starts those that came.
func (c *Consumer) arrange(life context.Context, a assignment) {
	c.mu.Lock()
	var gone, stay []*lane
	for p, l := range c.lanes {
		if a.continuous && slices.Contains(a.partitions, p) && l.ctx.Err() == nil {
			stay = append(stay, l)
		} else {
			gone = append(gone, l)
		}
	}
	c.mu.Unlock()
	c.drop(gone)
	for _, l := range stay {
		l.resume()
	}
	select {
	case <-c.lapsed: // of lanes that are gone
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range a.partitions {
		if c.lanes[p] == nil {
			c.lanes[p] = c.startLane(life, p)
		}
	}
}

// serve keeps the seat while the lanes work. It returns when the group is to be
// joined again, then all lanes stand still or are dropped; or when ctx ends;
// or with the error of a lane.
func (c *Consumer) serve(ctx context.Context, a assignment) error {
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	var beats sync.WaitGroup
	defer beats.Wait()
	defer stop()
	changed, lost := make(chan struct{}, 1), make(chan error, 1)
	beats.Go(func() { c.beat(beating, changed, lost) })
	if a.leader {
		beats.Go(func() { c.watch(beating, a.counted, changed) })
	}

	var failure error
	select {
	case <-ctx.Done():
	case <-changed:
	case failure = <-c.failed:
	case <-c.lapsed:
		c.lose(ctx, errSilent)
		return nil
	case err := <-lost:
		c.lose(ctx, err)
		return nil
	}
	// In an orderly way, while heartbeats go on.
	hand, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.handover())
	defer cancel()
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		c.pauseAll(hand)
	}()
	select {
	case <-settled:
	case err := <-lost:
		cancel()
		c.lose(ctx, err)
		<-settled
	}
	select {
	case err := <-c.failed:
		failure = errors.Join(failure, err)
	default:
	}
	return failure
}

// lose drops all lanes: others may have their partitions.
func (c *Consumer) lose(ctx context.Context, why error) {
	c.lease.end()
	c.member.interrupt(stale(why))
	c.wait(why)
	c.set.Logger.WarnContext(ctx, "lost the partitions, joining again", slog.Any("error", why))
	c.dropAll()
}

// beat sends heartbeats until ctx ends or the seat is lost. One that fails is
// sent again until the lease is over: a broker that restarts knows us yet.
func (c *Consumer) beat(ctx context.Context, changed chan<- struct{}, lost chan<- error) {
	every := time.NewTicker(c.cfg.heartbeat())
	defer every.Stop()
	var last error
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		err := c.member.beat(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
		case errors.Is(err, kafkago.RebalanceInProgress):
			signal(changed)
		case stale(err):
			lost <- err
			return
		default:
			last = err
			c.trouble.Warn(ctx, err)
		}
		if !c.lease.held(time.Now()) {
			lost <- errors.Join(errSilent, last)
			return
		}
	}
}

// watch looks whether topics get more partitions, which must be shared out.
func (c *Consumer) watch(ctx context.Context, counted int, changed chan<- struct{}) {
	every := time.NewTicker(2 * time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if n, err := c.count(ctx); err == nil && n != counted {
			signal(changed)
		}
	}
}

// pauseAll has every lane checkpoint and stand still. A lane that does not in
// time, or fails, is dropped.
func (c *Consumer) pauseAll(ctx context.Context) {
	c.mu.Lock()
	lanes := make([]*lane, 0, len(c.lanes))
	for _, l := range c.lanes {
		lanes = append(lanes, l)
	}
	c.mu.Unlock()
	var all sync.WaitGroup
	for _, l := range lanes {
		all.Go(func() {
			if err := l.pause(ctx); err != nil {
				c.set.Logger.WarnContext(ctx, "a lane could not be handed over; what it had open is read again",
					slog.Int("partition", l.partition), slog.Any("error", err))
				c.drop([]*lane{l})
			}
		})
	}
	all.Wait()
}

func (c *Consumer) dropAll() {
	c.mu.Lock()
	lanes := make([]*lane, 0, len(c.lanes))
	for _, l := range c.lanes {
		lanes = append(lanes, l)
	}
	c.mu.Unlock()
	c.drop(lanes)
}

// drop ends lanes, all at once, and waits for them.
func (c *Consumer) drop(lanes []*lane) {
	for _, l := range lanes {
		l.cancel(ErrLost)
	}
	for _, l := range lanes {
		l.drop()
		c.mu.Lock()
		delete(c.lanes, l.partition)
		c.mu.Unlock()
	}
}
