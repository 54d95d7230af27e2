package align_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// reference computes the final windows of a call the slow way: it looks at
// everything at once, for every tick of every window.
func (c *call) reference() []*features.Window {
	r := reference{call: c, first: at(1 << 30)}
	for _, units := range c.tracks {
		for _, u := range units {
			r.last = maxTime(r.last, startOf(u))
			switch u := u.(type) {
			case features.Vector:
				r.last = maxTime(r.last, u.End)
			case features.Segment:
				r.last = maxTime(r.last, u.End)
				r.segments = slices.DeleteFunc(r.segments, func(s features.Segment) bool { return s.ID == u.ID })
				r.segments = append(r.segments, u)
			}
			if m, ok := u.(features.Mark); !ok || !m.End {
				r.first = minTime(r.first, startOf(u))
			}
		}
	}
	slices.SortFunc(r.segments, func(a, b features.Segment) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	var out []*features.Window
	for end := at(0).Add(-100 * c.cfg.Hop); ; end = end.Add(c.cfg.Hop) {
		if end.Before(r.first.Add(time.Second)) {
			continue
		}
		out = append(out, r.window(features.Window{Kind: features.Sliding, Start: end.Add(-c.cfg.Window), End: end}, r.segments))
		if !end.Before(r.last) {
			break
		}
	}
	for _, s := range r.segments {
		if s.Final {
			w := features.Window{Kind: features.Utterance, Segment: s.ID, Start: s.Start, End: s.End}
			out = append(out, r.window(w, []features.Segment{s}))
		}
	}
	slices.SortStableFunc(out, func(a, b *features.Window) int {
		return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

type reference struct {
	*call
	first, last time.Time
	segments    []features.Segment
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func within(t, from, to time.Time) bool { return !t.Before(from) && t.Before(to) }

func (r *reference) window(w features.Window, segments []features.Segment) *features.Window {
	w.Participant, _ = ingest.NewParticipant("call", "alice")
	w.State, w.Revision = features.Final, 1
	w.From = maxTime(w.Start, w.End.Add(-r.cfg.Limits.Window))
	r.text(&w, segments)
	w.Audio = r.steps(&w, ingest.Audio, r.cfg.MinAudio)
	w.Video = r.steps(&w, ingest.Video, r.cfg.MinVideo)
	if w.Streams[0].Reason == ingest.ReasonNoWords && w.Streams[1].Reason == ingest.ReasonNoSpeech {
		w.Streams[0].Reason = ingest.ReasonNoSpeech
	}
	return &w
}

func (r *reference) text(w *features.Window, segments []features.Segment) {
	w.Text = r.tokens(segments, w.From, w.End)
	from := w.From
	if more := len(w.Text) - r.cfg.Limits.Len[ingest.Text]; more > 0 {
		w.Text = w.Text[more:]
		from = maxTime(from, w.Text[0].Start)
	}
	for _, token := range w.Text {
		w.Clock = w.Clock.Worse(token.Clock)
	}
	covered := r.count(from, w.End, func(t time.Time) bool {
		return slices.ContainsFunc(segments, func(s features.Segment) bool {
			return slices.ContainsFunc(s.Words, func(i features.Interval) bool { return within(t, i.Start, i.End) })
		})
	})
	r.stream(w, ingest.Text, covered, len(w.Text) >= r.cfg.MinText, func(t time.Time) ingest.Reason {
		return r.hole(ingest.Text, t, ingest.ReasonNoWords)
	}, ingest.ReasonNoWords)
	if w.Streams[ingest.Text].Present {
		w.Before = r.before(w.From)
	}
}

// tokens are those of [from, to), with what each stands for.
func (r *reference) tokens(segments []features.Segment, from, to time.Time) []features.Vector {
	var all []features.Vector
	for _, s := range segments {
		var mine []features.Vector
		for _, token := range s.Tokens {
			if within(token.Start.Add(token.End.Sub(token.Start)/2), from, to) {
				mine = append(mine, token)
			}
		}
		ticks := r.count(from, to, func(t time.Time) bool { return within(t, s.Start, s.End) })
		for i := range mine {
			mine[i].Weight = float32((time.Duration(ticks) * tick).Seconds() / float64(len(mine)))
		}
		all = append(all, mine...)
	}
	return all
}

// before is what was said before an instant, a token being one number.
func (r *reference) before(end time.Time) (b features.Before) {
	tokens := r.tokens(r.segments, end.Add(-r.cfg.Context), end)
	if len(tokens) == 0 {
		return b
	}
	sum := 0.
	for _, token := range tokens {
		b.Seconds += token.Weight
		sum += float64(token.Weight) * float64(token.Values[0])
	}
	b.Values = []float32{float32(sum / float64(b.Seconds))}
	return b
}

func (r *reference) steps(w *features.Window, m ingest.Modality, least int) []features.Vector {
	var all, usable []features.Vector
	for _, u := range r.tracks[m] {
		if v, ok := u.(features.Vector); ok && within(v.Start, w.From, w.End) {
			all = append(all, v)
			if v.Values != nil {
				usable = append(usable, v)
			}
		}
	}
	usable = usable[max(0, len(usable)-r.cfg.Limits.Len[m]):]
	covers := func(steps []features.Vector, t time.Time) int {
		return slices.IndexFunc(steps, func(v features.Vector) bool { return within(t, v.Start, v.End) })
	}
	covered := r.count(w.From, w.End, func(t time.Time) bool { return covers(usable, t) >= 0 })
	otherwise := map[ingest.Modality]ingest.Reason{ingest.Audio: ingest.ReasonNoSpeech, ingest.Video: ingest.ReasonNoFace}[m]
	r.stream(w, m, covered, len(usable) >= least, func(t time.Time) ingest.Reason {
		if i := covers(all, t); i >= 0 {
			return all[i].Reason
		}
		return r.hole(m, t, ingest.ReasonLost)
	}, otherwise)
	if !w.Streams[m].Present {
		return nil
	}
	for _, v := range usable {
		w.Clock = w.Clock.Worse(v.Clock)
	}
	return usable
}

// stream fills in what a modality contributes; why explains an instant.
func (r *reference) stream(w *features.Window, m ingest.Modality, covered int, present bool, why func(time.Time) ingest.Reason, otherwise ingest.Reason) {
	s := &w.Streams[m]
	if s.Present = present; present {
		s.Coverage = float64(covered) / float64(w.End.Sub(w.Start)/tick)
		return
	}
	counts := map[ingest.Reason]int{}
	r.count(maxTime(w.From, r.first), w.End, func(t time.Time) bool { counts[why(t)]++; return true })
	s.Reason = otherwise
	most := 0
	for _, reason := range []ingest.Reason{
		ingest.ReasonNoConsent, ingest.ReasonPolicy, ingest.ReasonShed, ingest.ReasonMuted, ingest.ReasonLost,
		ingest.ReasonNoTrack, ingest.ReasonNoFace, ingest.ReasonNoSpeech, ingest.ReasonNoWords,
	} {
		if counts[reason] > most {
			s.Reason, most = reason, counts[reason]
		}
	}
}

func (r *reference) count(from, to time.Time, in func(time.Time) bool) int {
	n := 0
	for t := from; t.Before(to); t = t.Add(tick) {
		if in(t) {
			n++
		}
	}
	return n
}

// hole says why a track has nothing at t, where no step is.
func (r *reference) hole(m ingest.Modality, t time.Time, otherwise ingest.Reason) ingest.Reason {
	var before time.Time // what was known before the mark
	begin := at(1 << 30)
	for _, u := range r.tracks[m] {
		begin = minTime(begin, startOf(u))
	}
	if t.Before(begin) {
		return ingest.ReasonNoTrack
	}
	for i, u := range r.tracks[m] {
		switch u := u.(type) {
		case features.Vector:
			before = maxTime(before, u.End)
		case features.Mark:
			if u.Reason != "" && within(t, before, u.Time) {
				return u.Reason
			}
			before = maxTime(before, u.Time)
			if u.End && i == len(r.tracks[m])-1 && !t.Before(before) {
				return cmp.Or(u.Reason, ingest.ReasonNoTrack)
			}
		}
	}
	return otherwise
}
