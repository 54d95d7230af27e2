package ingest

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// ErrID says that a session or participant id cannot be used.
var ErrID = errors.New("unusable id")

// maxID bounds ids, in bytes: they become part of keys in every sink.
const maxID = 128

// Participant is one person in one session (one call), and what that person
// has agreed to. It is shared by pointer; its methods may be called from any
// goroutine.
type Participant struct {
	session string
	id      string
	rights  atomic.Uint64 // of modality m: bit m, agreed to; bit NumModalities+m, refused by the purpose; above, how often one was lost
}

// NewParticipant returns a participant who has agreed to nothing yet.
//
// Both ids must be 1 to 128 bytes of valid UTF-8 without '/' (it separates the
// parts of an event id) and without control characters.
func NewParticipant(session, id string) (*Participant, error) {
	if err := checkID("session", session); err != nil {
		return nil, err
	}
	if err := checkID("participant", id); err != nil {
		return nil, err
	}
	return &Participant{session: session, id: id}, nil
}

func checkID(what, id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: the %s id is empty", ErrID, what)
	case len(id) > maxID:
		return fmt.Errorf("%w: the %s id has %d bytes, at most %d are allowed", ErrID, what, len(id), maxID)
	case !utf8.ValidString(id):
		return fmt.Errorf("%w: the %s id %q is not UTF-8", ErrID, what, id)
	case strings.ContainsFunc(id, func(r rune) bool { return r == '/' || r < ' ' || r == 0x7f }):
		return fmt.Errorf("%w: the %s id %q has a '/' or a control character", ErrID, what, id)
	}
	return nil
}

// Session returns the id of the call.
func (p *Participant) Session() string { return p.session }

// ID returns the id of the person within the call.
func (p *Participant) ID() string { return p.id }

// Grant records the consent to analyse the given modalities.
func (p *Participant) Grant(modalities ...Modality) {
	p.change(func(rights uint64) uint64 { return rights | mask(modalities) })
}

// Revoke withdraws the consent to analyse the given modalities.
func (p *Participant) Revoke(modalities ...Modality) {
	p.change(func(rights uint64) uint64 { return rights &^ mask(modalities) })
}

// Restrict refuses what the purpose of the call does not allow, whatever the
// person agrees to. A later purpose takes the place of an earlier one.
func (p *Participant) Restrict(purpose Purpose) {
	var refused []Modality
	for _, m := range Modalities() {
		if !purpose.Allows(m) {
			refused = append(refused, m)
		}
	}
	p.change(func(rights uint64) uint64 {
		return rights&^(everything<<NumModalities) | mask(refused)<<NumModalities
	})
}

// Consents reports whether m may be analysed: it was agreed to, and the purpose
// allows it. It is asked before each extraction, so that a revocation holds
// from the next Sample on.
func (p *Participant) Consents(m Modality) bool { return p.Refusal(m) == "" }

// Refusal says why m may not be analysed; empty if it may.
func (p *Participant) Refusal(m Modality) Reason {
	switch rights := p.rights.Load(); {
	case rights&(1<<m<<NumModalities) != 0:
		return ReasonPolicy
	case rights&(1<<m) == 0:
		return ReasonNoConsent
	default:
		return ""
	}
}

// Agreed reports whether the person agreed to the analysis of m, whatever the
// purpose allows.
func (p *Participant) Agreed(m Modality) bool { return p.rights.Load()&(1<<m) != 0 }

// Losses counts how often something that might be analysed could no longer be.
// What was made when the count was lower may rest on a consent that is gone.
func (p *Participant) Losses() uint64 { return p.rights.Load() >> (2 * NumModalities) }

const everything = 1<<NumModalities - 1

func mask(modalities []Modality) (bits uint64) {
	for _, m := range modalities {
		bits |= 1 << m
	}
	return bits
}

// allowed are the modalities that may be analysed.
func allowed(rights uint64) uint64 { return rights & everything &^ (rights >> NumModalities) }

func (p *Participant) change(f func(rights uint64) uint64) {
	for {
		old := p.rights.Load()
		fresh := f(old)
		if allowed(old)&^allowed(fresh) != 0 {
			fresh += 1 << (2 * NumModalities)
		}
		if p.rights.CompareAndSwap(old, fresh) {
			return
		}
	}
}
