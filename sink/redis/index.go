package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// fresh is how long an entry of the index is not renewed.
const fresh = time.Second

// calls remembers when each call was last put into the index, so that it is
// done once a second and not with each event.
//
// The index is a key of its own, in a cluster on a node of its own, and so not
// part of the script. It is renewed with later events when it could not be
// written; no event fails because of it.
type calls struct {
	at    map[string]time.Time
	swept time.Time
}

// touched is what touch has put into a pipeline.
type touched struct {
	at       time.Time
	sessions []string
	commands []redis.Cmder
}

// touch adds to the pipeline what the index needs because of the writes.
func (p *Publisher) touch(ctx context.Context, pipe redis.Pipeliner, writes []write) touched {
	t := touched{at: p.now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls.at == nil {
		p.calls.at = map[string]time.Time{}
	}
	var members []redis.Z
	for _, w := range writes {
		if t.at.Sub(p.calls.at[w.session]) < fresh {
			continue
		}
		p.calls.at[w.session] = t.at // taken back if it fails
		t.sessions = append(t.sessions, w.session)
		members = append(members, redis.Z{Score: float64(t.at.UnixMilli()), Member: w.session})
	}
	if len(members) == 0 {
		return t
	}
	t.commands = append(t.commands, pipe.ZAdd(ctx, index, members...))
	if t.at.Sub(p.calls.swept) >= fresh {
		p.calls.swept = t.at
		for session, at := range p.calls.at {
			if t.at.Sub(at) >= fresh {
				delete(p.calls.at, session)
			}
		}
		before := "(" + strconv.FormatInt(t.at.Add(-p.cfg.TTL).UnixMilli(), 10)
		t.commands = append(t.commands, pipe.ZRemRangeByScore(ctx, index, "-inf", before))
	}
	t.commands = append(t.commands, pipe.PExpire(ctx, index, p.cfg.TTL))
	return t
}

// touched looks how touch went.
func (p *Publisher) touched(ctx context.Context, t touched) {
	for _, c := range t.commands {
		if err := c.Err(); err != nil {
			p.trouble.Warn(ctx, err)
			p.forget(t.sessions...)
			return
		}
	}
}

func (p *Publisher) forget(sessions ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls.swept = time.Time{}
	for _, s := range sessions {
		delete(p.calls.at, s)
	}
}
