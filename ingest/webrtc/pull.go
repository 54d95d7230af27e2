package webrtc

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/secret"
)

var (
	// ErrPull says that media cannot be fetched as it was asked for.
	ErrPull = errors.New("unusable source")
	// ErrNoPull says that there is no such source.
	ErrNoPull = errors.New("no such source")
)

// Pull is a participant whose media is fetched from a server by WHEP.
type Pull struct {
	// URL is the WHEP endpoint, http or https.
	URL string `yaml:"url"`
	// Session and Participant are whose media it is.
	Session     string `yaml:"session"`
	Participant string `yaml:"participant"`
	// Token is sent to the server as a bearer token, unless empty.
	Token secret.Text `yaml:"token"`
	// Consent lists what the person agrees to have analysed: text, audio, video.
	// One who takes it back is not asked again by this source.
	Consent []string `yaml:"consent"`
	// Purpose is what the call is analysed for; empty leaves it as it is.
	Purpose string `yaml:"purpose"`
}

// Validate reports what is wrong, wrapping ErrPull.
func (p Pull) Validate() error {
	_, err := p.entry()
	u, urlErr := url.Parse(p.URL)
	switch {
	case urlErr != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return fmt.Errorf("%w: the url must be that of a WHEP endpoint, http or https", ErrPull)
	case u.User != nil:
		return fmt.Errorf("%w: the url holds a name or password; give a token", ErrPull)
	case strings.ContainsFunc(string(p.Token), func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("%w: the token has characters that a header cannot hold", ErrPull)
	case p.Token.Hidden():
		return fmt.Errorf("%w: the token is %s, as a printed configuration shows it; give the token itself", ErrPull, p.Token)
	}
	return err
}

// entry is who takes part.
func (p Pull) entry() (ingest.Entry, error) {
	e := ingest.Entry{Session: p.Session, Participant: p.Participant}
	if _, err := ingest.NewParticipant(p.Session, p.Participant); err != nil {
		return e, fmt.Errorf("%w: %w", ErrPull, err)
	}
	consent, err := parseConsent(strings.Join(p.Consent, ","))
	if err != nil {
		return e, fmt.Errorf("%w: consent: %w", ErrPull, err)
	}
	e.Consent = consent
	if p.Purpose != "" {
		if e.Purpose, err = ingest.ParsePurpose(p.Purpose); err != nil {
			return e, fmt.Errorf("%w: %w", ErrPull, err)
		}
	}
	return e, nil
}

// PullState is how the fetching of a participant's media goes.
type PullState struct {
	// ID names it to StopPull.
	ID          string
	URL         string
	Session     string
	Participant string
	// State is one of the constants below, since Since.
	State string
	Since time.Time
	// Error is why the last attempt failed; empty while it goes well.
	Error string
}

// What a pull does.
const (
	PullConnecting = "connecting"
	PullConnected  = "connected"
	PullWaiting    = "waiting" // to try again
)

// Pull begins to fetch a participant's media, and goes on until StopPull: when
// it breaks or ends it is tried again, less and less often. It does not wait
// for the first media. The error wraps ErrPull where p cannot be used or the
// same participant is fetched already, or is ErrState.
func (g *Gateway) Pull(p Pull) (PullState, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != stateOpen {
		return PullState{}, ErrState
	}
	return g.pulls.start(p)
}

// Pulls lists what is fetched, in the order of their ids.
func (g *Gateway) Pulls() []PullState { return g.pulls.list() }

// StopPull ends the fetching; it returns once the media has ended. The error is
// ErrNoPull.
func (g *Gateway) StopPull(id string) error { return g.pulls.stop(id) }
