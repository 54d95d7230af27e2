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
	consent atomic.Uint64 // bit m: analysis of modality m is agreed to; above, how often one was revoked
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
	for _, m := range modalities {
		p.consent.Or(1 << m)
	}
}

// Revoke withdraws the consent to analyse the given modalities.
func (p *Participant) Revoke(modalities ...Modality) {
	for {
		old := p.consent.Load()
		revoked := old
		for _, m := range modalities {
			revoked &^= 1 << m
		}
		if revoked == old || p.consent.CompareAndSwap(old, revoked+1<<NumModalities) {
			return
		}
	}
}

// Consents reports whether analysis of m is agreed to. It is asked before each
// extraction, so that a revocation holds from the next Sample on.
func (p *Participant) Consents(m Modality) bool { return p.consent.Load()&(1<<m) != 0 }

// Revocations counts how often consent was withdrawn. What was made when the
// count was lower may rest on a consent that is gone.
func (p *Participant) Revocations() uint64 { return p.consent.Load() >> NumModalities }
