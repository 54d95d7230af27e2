package auth

import "fmt"

// Scope is something that a token may allow.
type Scope string

// The scopes.
const (
	Publish Scope = "publish" // send media and transcripts, agree and withdraw
	Read    Scope = "read"    // see scores and who takes part
	Admin   Scope = "admin"   // all of that, erase, and have media fetched
)

// Scopes lists all.
func Scopes() []Scope { return []Scope{Publish, Read, Admin} }

// Grant is what a token allows.
type Grant struct {
	// Scopes are what may be done.
	Scopes []Scope
	// Session is the only call for which; empty for every call.
	Session string
	// Participant is the only person in that call for whom; empty for everybody.
	Participant string
}

// Everything is what everybody may do where no token is known.
func Everything() Grant { return Grant{Scopes: Scopes()} }

// Has reports whether the grant has a scope. Admin has all.
func (g Grant) Has(need Scope) bool {
	for _, s := range g.Scopes {
		if s == need || s == Admin {
			return true
		}
	}
	return false
}

// Covers reports whether the grant is for a person; an empty participant stands
// for all of a call, an empty session for all calls.
func (g Grant) Covers(session, participant string) bool {
	return (g.Session == "" || g.Session == session) && (g.Participant == "" || g.Participant == participant)
}

// Check returns an error that wraps ErrForbidden and says what is missing for
// need in respect of a person, or of all where a name is empty.
func (g Grant) Check(need Scope, session, participant string) error {
	switch {
	case !g.Has(need):
		return fmt.Errorf("%w: it lacks the scope %s", ErrForbidden, need)
	case g.Covers(session, participant):
		return nil
	case g.Participant != "":
		return fmt.Errorf("%w: it is for the participant %q of the session %q alone", ErrForbidden, g.Participant, g.Session)
	default:
		return fmt.Errorf("%w: it is for the session %q alone", ErrForbidden, g.Session)
	}
}
