package webrtc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"
)

// iceSession is the ICE part of a connection: what PATCH may change. Its
// methods may be called from any goroutine.
type iceSession struct {
	mu         sync.Mutex
	offer      *sdp.SessionDescription // as it is after the restarts so far
	answer     *sdp.SessionDescription
	tag        string // the entity tag, with its quotes
	candidates int    // that the client has named
}

// negotiate answers an offer. The answer holds all our candidates: WHIP has no
// way to add one later (RFC 9725, 4.3.2).
func (s *iceSession) negotiate(ctx context.Context, pc *pion.PeerConnection, offer *sdp.SessionDescription) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := offer.Marshal()
	if err != nil {
		return "", refuse(http.StatusBadRequest, "malformed", "The offer is malformed.").because(err)
	}
	gathered := whenGathered(pc)
	if err = pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: string(text)}); err != nil {
		return "", refuse(http.StatusBadRequest, "malformed", "The offer is malformed.").because(err)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", refuse(http.StatusUnprocessableEntity, "negotiation", "The offer cannot be answered.").because(err)
	}
	if err = pc.SetLocalDescription(answer); err != nil {
		return "", refuse(http.StatusUnprocessableEntity, "negotiation", "The offer cannot be answered.").because(err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", fmt.Errorf("wait for the candidates of this machine: %w", ctx.Err())
	}
	local := pc.LocalDescription()
	var parsed sdp.SessionDescription
	if err = parsed.UnmarshalString(local.SDP); err != nil {
		return "", fmt.Errorf("read our own answer: %w", err)
	}
	if err = whole(&parsed); err != nil {
		return "", err
	}
	// Candidates may come later (RFC 8838, 4.1.3); pion does not say so.
	if _, there := parsed.Attribute("ice-options"); !there {
		parsed.Attributes = append(parsed.Attributes, sdp.Attribute{Key: "ice-options", Value: "trickle"})
	}
	text, err = parsed.Marshal()
	if err != nil {
		return "", fmt.Errorf("write our own answer: %w", err)
	}
	ufrag, _ := iceCredentials(&parsed)
	s.offer, s.answer, s.tag, s.candidates = offer, &parsed, `"`+ufrag+`"`, countCandidates(offer)
	return string(text), nil
}

// whole refuses an answer that serves an offer in part.
func whole(answer *sdp.SessionDescription) error {
	for _, m := range answer.MediaDescriptions {
		if m.MediaName.Port.Value == 0 {
			return unserved("negotiation", "The %s section of the offer cannot be served.", m.MediaName.Media)
		}
	}
	return nil
}

// whenGathered returns a channel that is closed when the next gathering of
// candidates is complete.
func whenGathered(pc *pion.PeerConnection) <-chan struct{} {
	done := make(chan struct{})
	var once sync.Once
	pc.OnICECandidate(func(c *pion.ICECandidate) {
		if c == nil {
			once.Do(func() { close(done) })
		}
	})
	return done
}

// patch adds candidates, or restarts ICE: then it returns the body of the
// response. ifMatch is the If-Match header (RFC 9725, 4.3.1).
func (s *iceSession) patch(ctx context.Context, pc *pion.PeerConnection, ifMatch []string, f fragment, limits Config) (body []byte, tag string, err error) {
	s.mu.Lock()
	tag, offer, named := s.tag, s.offer, s.candidates
	restart := f.restarts(offer)
	switch {
	case len(ifMatch) == 0:
		err = refuse(http.StatusPreconditionRequired, "if_match", "If-Match is missing: send the ETag of the ICE session, or * to restart it.")
	case !matches(ifMatch, tag):
		err = refuse(http.StatusPreconditionFailed, "if_match", "That ICE session is over; the ETag of the newest answer names the one that is.")
	}
	if restart {
		named = 0
	}
	if err == nil && named+len(f.candidates) > limits.MaxCandidates {
		err = refuse(http.StatusUnprocessableEntity, "candidates", "Those are more than %d ICE candidates.", limits.MaxCandidates)
	}
	if err == nil && !restart {
		if _, pwd := iceCredentials(offer); f.pwd != "" && f.pwd != pwd {
			err = refuse(http.StatusBadRequest, "malformed", "The ice-pwd is another, the ice-ufrag the same: a restart changes both (RFC 8839, 4.4.1.1.1).")
		}
	}
	if err != nil {
		s.mu.Unlock()
		return nil, "", err
	}
	s.candidates = named + len(f.candidates)
	s.mu.Unlock()
	if restart {
		return s.restart(ctx, pc, f)
	}
	for _, c := range f.candidates {
		// One that cannot be used is left out without a word (RFC 9725, 4.3.2).
		_ = pc.AddICECandidate(pion.ICECandidateInit{Candidate: c})
	}
	return nil, "", nil
}

// restart begins a new ICE session; the media goes on.
func (s *iceSession) restart(ctx context.Context, pc *pion.PeerConnection, f fragment) ([]byte, string, error) {
	s.mu.Lock()
	again := f.restarted(s.offer)
	s.mu.Unlock()
	if pc.SignalingState() != pion.SignalingStateStable {
		return nil, "", refuse(http.StatusServiceUnavailable, "restart", "Another restart is under way.").later(retrySoon)
	}
	var next iceSession
	if _, err := next.negotiate(ctx, pc, again); err != nil {
		if r, ok := errors.AsType[*refusal](err); ok && r.status < http.StatusInternalServerError {
			return nil, "", err
		}
		return nil, "", refuse(http.StatusServiceUnavailable, "restart", "ICE could not be restarted.").later(retrySoon).because(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offer, s.answer, s.tag = next.offer, next.answer, next.tag
	return answerFragment(s.answer), s.tag, nil
}

// matches compares entity tags strongly (RFC 9110, 13.1.1).
func matches(ifMatch []string, tag string) bool {
	for _, field := range ifMatch {
		for one := range strings.SplitSeq(field, ",") {
			if one = strings.TrimSpace(one); one == "*" || one == `"*"` || one == tag {
				return true
			}
		}
	}
	return false
}

// gatherPatience bounds how long a client waits for an answer.
const gatherPatience = gatherTimeout + 3*time.Second
