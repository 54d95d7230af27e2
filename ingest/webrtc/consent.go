package webrtc

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/valence-live/valence/ingest"
)

// The headers by which a publisher says what the person agrees to, and what
// for.
const (
	HeaderConsent = "Valence-Consent"
	HeaderPurpose = "Valence-Purpose"
)

// entryOf reads who wants to publish, and what they agree to.
func entryOf(r *http.Request) (ingest.Entry, error) {
	p := who(r)
	e := ingest.Entry{Session: p.session, Participant: p.participant}
	if _, err := ingest.NewParticipant(e.Session, e.Participant); err != nil {
		return e, err
	}
	consent, err := parseConsent(strings.Join(r.Header.Values(HeaderConsent), ","))
	if err != nil {
		return e, refuse(http.StatusBadRequest, "consent", "%s: %s.", HeaderConsent, err)
	}
	e.Consent = consent
	if name := strings.TrimSpace(r.Header.Get(HeaderPurpose)); name != "" {
		if e.Purpose, err = ingest.ParsePurpose(name); err != nil {
			return e, refuse(http.StatusBadRequest, "purpose", "%s: %s.", HeaderPurpose, err)
		}
	}
	return e, nil
}

// parseConsent reads "text, audio, video"; "none" or nothing is no consent.
func parseConsent(list string) ([]ingest.Modality, error) {
	var out []ingest.Modality
	for name := range strings.SplitSeq(list, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" || name == "none" {
			continue
		}
		m, err := ingest.ParseModality(name)
		if err != nil {
			return nil, fmt.Errorf("%w", err)
		}
		out = append(out, m)
	}
	return out, nil
}
