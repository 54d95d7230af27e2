package main

import (
	"errors"
	"fmt"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/secret"
	"github.com/valence-live/valence/internal/server"
)

// pulls are the sources of a gateway as the HTTP interface speaks of them.
type pulls struct{ gateway *webrtc.Gateway }

// Pull implements server.Pulls.
func (p pulls) Pull(ask server.Pull) (server.PullState, error) {
	pull := webrtc.Pull{
		URL: ask.URL, Session: ask.Session, Participant: ask.Participant, Token: secret.Text(ask.Token), Purpose: string(ask.Purpose),
	}
	for m, agreed := range [ingest.NumModalities]bool{ask.Consent.Text, ask.Consent.Audio, ask.Consent.Video} {
		if agreed {
			pull.Consent = append(pull.Consent, ingest.Modality(m).String())
		}
	}
	state, err := p.gateway.Pull(pull)
	if errors.Is(err, webrtc.ErrPull) {
		err = fmt.Errorf("%w: %w", server.ErrPull, err)
	}
	return server.PullState(state), err
}

// Pulls implements server.Pulls.
func (p pulls) Pulls() []server.PullState {
	states := p.gateway.Pulls()
	out := make([]server.PullState, len(states))
	for i, s := range states {
		out[i] = server.PullState(s)
	}
	return out
}

// Stop implements server.Pulls.
func (p pulls) Stop(id string) error {
	err := p.gateway.StopPull(id)
	if errors.Is(err, webrtc.ErrNoPull) {
		return fmt.Errorf("%w: %w", calls.ErrUnknown, err)
	}
	return err
}
