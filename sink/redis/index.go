package redis

import (
	"cmp"
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
	sessions []string
	expires  *redis.BoolCmd // the last of what the index needs; nil if it needs nothing
}

// touch adds to the pipeline what the index needs because of the writes.
func (p *Publisher) touch(ctx context.Context, pipe redis.Pipeliner, writes []write) touched {
	var t touched
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls.at == nil {
		p.calls.at = map[string]time.Time{}
	}
	var members []redis.Z
	for _, w := range writes {
		if now.Sub(p.calls.at[w.session]) < fresh {
			continue
		}
		p.calls.at[w.session] = now // taken back if it fails
		t.sessions = append(t.sessions, w.session)
		members = append(members, redis.Z{Score: float64(now.UnixMilli()), Member: w.session})
	}
	if len(members) == 0 {
		return t
	}
	pipe.ZAdd(ctx, index, members...)
	if now.Sub(p.calls.swept) >= fresh {
		p.calls.swept = now
		for session, at := range p.calls.at {
			if now.Sub(at) >= fresh {
				delete(p.calls.at, session)
			}
		}
		before := "(" + strconv.FormatInt(now.Add(-p.cfg.TTL).UnixMilli(), 10)
		pipe.ZRemRangeByScore(ctx, index, "-inf", before)
	}
	t.expires = pipe.PExpire(ctx, index, p.cfg.TTL)
	return t
}

// touched looks how touch went.
func (p *Publisher) touched(ctx context.Context, t touched, pipeline error) {
	if t.expires == nil || t.expires.Val() {
		return
	}
	p.trouble.Warn(ctx, cmp.Or(t.expires.Err(), pipeline, errNoReply))
	p.forget(t.sessions...)
}

// forget has the index written anew with the next events of these calls.
func (p *Publisher) forget(sessions ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range sessions {
		delete(p.calls.at, s)
	}
}
