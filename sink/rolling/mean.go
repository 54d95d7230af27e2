package rolling

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Key is the place of a window among those that a value counts: the order of
// sink.Compare.
type Key struct {
	End         time.Time `json:"end"`
	Participant string    `json:"participant"`
	ID          string    `json:"id"`
}

func (k Key) compare(o Key) int {
	return cmp.Or(k.End.Compare(o.End), strings.Compare(k.Participant, o.Participant), strings.Compare(k.ID, o.ID))
}

// Term is one window of a value.
type Term struct {
	Key
	Revision int     `json:"revision"`
	Score    float64 `json:"score"`
	Weight   float64 `json:"weight"`

	after Total
}

// Total is the sum of the terms up to a window, each decayed to its end.
type Total struct {
	Sum  float64 `json:"sum"` // of weight x score
	Mass float64 `json:"mass"`
}

// mean is a decayed mean over terms in the order of their keys. Each term holds
// the total up to and with itself, so that an append costs one step and a
// correction as many as there are terms after it, with the same result.
type mean struct {
	halfLife time.Duration
	base     Total // of what is no longer kept, as of last
	last     Key   // of the newest term that is no longer kept
	terms    []Term
}

// set enters a term, or replaces the one of the same id if the revision is
// higher. It reports whether the mean knows the term now: false if the place of
// the term is older than what is kept.
func (m *mean) set(t Term) bool {
	if t.compare(m.last) <= 0 {
		return false
	}
	from := len(m.terms)
	for i := from - 1; i >= 0; i-- {
		if m.terms[i].ID != t.ID {
			continue
		}
		if m.terms[i].Revision >= t.Revision {
			return true
		}
		m.terms, from = slices.Delete(m.terms, i, i+1), i
		break
	}
	at, _ := slices.BinarySearchFunc(m.terms, t.Key, func(u Term, k Key) int { return u.compare(k) })
	m.terms = slices.Insert(m.terms, at, t)
	m.resum(min(at, from))
	return true
}

// resum computes the totals anew from the term i on.
func (m *mean) resum(i int) {
	before, at := m.before(i)
	for ; i < len(m.terms); i++ {
		t := &m.terms[i]
		before = m.decay(before, at, t.End)
		before.Sum += t.Weight * t.Score
		before.Mass += t.Weight
		t.after, at = before, t.End
	}
}

// before returns the total of everything before the term i, and its instant.
func (m *mean) before(i int) (Total, time.Time) {
	if i == 0 {
		return m.base, m.last.End
	}
	return m.terms[i-1].after, m.terms[i-1].End
}

// at returns the total of the terms up to and with the key, as of t.
func (m *mean) at(k Key, t time.Time) Total {
	i, found := slices.BinarySearchFunc(m.terms, k, func(u Term, k Key) int { return u.compare(k) })
	if found {
		i++
	}
	total, at := m.before(i)
	return m.decay(total, at, t)
}

// fold gives up the terms that ended before t.
func (m *mean) fold(t time.Time) {
	i := 0
	for i < len(m.terms) && m.terms[i].End.Before(t) {
		i++
	}
	if i > 0 {
		m.base, m.last = m.terms[i-1].after, m.terms[i-1].Key
		m.terms = slices.Delete(m.terms, 0, i)
	}
}

// decay ages a total from one instant to a later one.
func (m *mean) decay(t Total, from, to time.Time) Total {
	if t == (Total{}) || !to.After(from) {
		return t
	}
	share := math.Exp2(-float64(to.Sub(from)) / float64(m.halfLife))
	return Total{Sum: t.Sum * share, Mass: t.Mass * share}
}
