package webrtc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"

	"github.com/valence-live/valence/ingest"
)

// farewell bounds the DELETE that ends a WHEP session.
const farewell = 3 * time.Second

// tooEarlyError is a refusal that says when to come again.
type tooEarlyError struct {
	error

	wait time.Duration
}

// whep fetches the media of one participant, one connection after the other.
type whep struct {
	pulls *pulls
	pull  *pull
	// person is the participant of the connection before.
	person *ingest.Participant
}

func newWHEP(s *pulls, p *pull) *whep { return &whep{pulls: s, pull: p} }

// response is what a WHEP server has said.
type response struct {
	status   int
	header   http.Header
	body     []byte
	resource *url.URL // of the Location; nil if there is none
	kind     string   // media type
}

// fetch makes one connection and returns when it is over, how long it stood,
// and why it ended. If ctx ends it is ended.
func (w *whep) fetch(ctx context.Context) (stood time.Duration, err error) {
	api, err := w.pulls.gateway.api(sourceWHEP)
	if err != nil {
		return 0, err
	}
	pc, err := api.NewPeerConnection(w.pulls.gateway.cfg.configuration())
	if err != nil {
		return 0, err
	}
	r, err := w.offer(ctx, pc)
	if err != nil {
		return 0, errors.Join(err, pc.GracefulClose())
	}
	if r.resource != nil {
		defer func() { w.leave(r.resource) }() //nolint:contextcheck // it is told also when ctx has ended
	}
	if r.status == http.StatusNotAcceptable {
		// A counter-offer wants an answer: by a connection that has offered nothing.
		if err = pc.GracefulClose(); err == nil {
			pc, err = api.NewPeerConnection(w.pulls.gateway.cfg.configuration())
		}
		if err != nil {
			return 0, err
		}
	}
	c, err := w.join(pc)
	if err != nil {
		return 0, errors.Join(err, pc.GracefulClose())
	}
	if r.status == http.StatusNotAcceptable {
		err = w.answer(ctx, c, r)
	} else if err = pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: string(r.body)}); err != nil {
		err = fmt.Errorf("the server's answer cannot be used: %w", err)
	}
	if err != nil {
		c.discard()
		return 0, err
	}
	if err := w.pulls.gateway.run(ctx, c, func() {}); err != nil {
		<-c.done
		return 0, err
	}
	return w.watch(ctx, c)
}

// watch waits for the end of a connection.
func (w *whep) watch(ctx context.Context, c *connection) (stood time.Duration, err error) {
	var since time.Time
	connected := c.connected
	for {
		select {
		case <-connected:
			connected, since = nil, time.Now()
			w.pull.is(PullConnected, "")
		case <-ctx.Done():
			c.end(endDeleted)
			<-c.done
			return 0, ctx.Err()
		case <-c.done:
			if !since.IsZero() {
				stood = time.Since(since)
			}
			return stood, fmt.Errorf("the connection has ended: %s", c.why)
		}
	}
}

// join takes the participant's seat. Consent that was taken back is not given
// again because a connection broke.
func (w *whep) join(pc *pion.PeerConnection) (*connection, error) {
	entry, err := w.pull.asked.entry()
	if err != nil {
		return nil, err
	}
	if w.person != nil {
		entry.Consent = slices.DeleteFunc(entry.Consent, func(m ingest.Modality) bool { return !w.person.Agreed(m) })
	}
	seat, err := w.pulls.gateway.seating.Join(entry)
	if err != nil {
		return nil, err
	}
	w.person = seat.Track(ingest.Audio).Participant
	return w.pulls.gateway.newConnection(person{entry.Session, entry.Participant}, sourceWHEP, pc, seat), nil
}

// offer asks for sound and pictures.
func (w *whep) offer(ctx context.Context, pc *pion.PeerConnection) (*response, error) {
	for _, kind := range []pion.RTPCodecType{pion.RTPCodecTypeAudio, pion.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly}); err != nil {
			return nil, err
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	gathered := whenGathered(pc)
	if err = pc.SetLocalDescription(offer); err != nil {
		return nil, err
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	at, err := url.Parse(w.pull.asked.URL)
	if err != nil {
		return nil, err
	}
	r, err := w.ask(ctx, http.MethodPost, at, pc.LocalDescription().SDP)
	switch {
	case err != nil:
		return nil, err
	case r.status == http.StatusCreated, r.status == http.StatusNotAcceptable && r.kind == typeSDP && r.resource != nil:
		return r, nil
	}
	err = fmt.Errorf("the server says %d %s", r.status, http.StatusText(r.status))
	if seconds, bad := strconv.Atoi(r.header.Get("Retry-After")); bad == nil && seconds > 0 {
		err = &tooEarlyError{error: err, wait: time.Duration(seconds) * time.Second}
	}
	return nil, err
}

// answer answers a counter-offer.
func (w *whep) answer(ctx context.Context, c *connection, r *response) error {
	offer, err := parseOffer(r.body, w.pulls.gateway.cfg.MaxCandidates)
	if err != nil {
		return fmt.Errorf("the server's offer cannot be used: %w", err)
	}
	answer, err := c.ice.negotiate(ctx, c.pc, offer)
	if err != nil {
		return fmt.Errorf("the server's offer cannot be answered: %w", err)
	}
	r, err = w.ask(ctx, http.MethodPatch, r.resource, answer)
	if err == nil && r.status/100 != 2 {
		err = fmt.Errorf("the server says %d %s to our answer", r.status, http.StatusText(r.status))
	}
	return err
}

// leave ends a WHEP session, also when the pull has been stopped. Whether the
// server hears it matters to the server alone.
func (w *whep) leave(resource *url.URL) {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	_, _ = w.ask(ctx, http.MethodDelete, resource, "")
}

// ask makes one request.
func (w *whep) ask(ctx context.Context, method string, to *url.URL, text string) (_ *response, err error) {
	request, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, err
	}
	if text != "" {
		request.Header.Set("Content-Type", typeSDP)
		request.Header.Set("Accept", typeSDP)
	}
	if w.pull.asked.Token != "" {
		request.Header.Set("Authorization", "Bearer "+string(w.pull.asked.Token))
	}
	got, err := w.pulls.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, got.Body.Close()) }()
	limit := int64(w.pulls.gateway.cfg.MaxSDP)
	body, err := io.ReadAll(io.LimitReader(got.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("the server's answer has more than %d bytes", limit)
	}
	r := &response{status: got.StatusCode, header: got.Header, body: body}
	r.kind, _, _ = mime.ParseMediaType(got.Header.Get("Content-Type"))
	if location := got.Header.Get("Location"); location != "" {
		if r.resource, err = got.Request.URL.Parse(location); err != nil {
			return nil, fmt.Errorf("the server's Location cannot be used: %w", err)
		}
	}
	if method == http.MethodPost && got.StatusCode == http.StatusCreated {
		var answer sdp.SessionDescription
		if answer.Unmarshal(body) != nil || len(answer.MediaDescriptions) == 0 {
			return nil, errors.New("the server's answer is not SDP")
		}
	}
	return r, nil
}
