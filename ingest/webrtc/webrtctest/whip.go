package webrtctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"
)

// whip is the HTTP side of a Publisher.
type whip struct {
	resource string
	tag      string
	answer   *sdp.SessionDescription
}

// ResponseError is what a server said. It is also the error where another status was
// hoped for.
type ResponseError struct {
	Status int
	Header http.Header
	Body   string
}

// Error implements error.
func (r *ResponseError) Error() string { return fmt.Sprintf("status %d: %s", r.Status, r.Body) }

// Resource is the URL of the WHIP session.
func (p *Publisher) Resource() string { return p.whip.resource }

// Tag is the entity tag of the newest ICE session.
func (p *Publisher) Tag() string { return p.whip.tag }

// gather applies an offer and returns it with all candidates.
func (p *Publisher) gather(ctx context.Context, options *pion.OfferOptions) (string, error) {
	offer, err := p.pc.CreateOffer(options)
	if err != nil {
		return "", err
	}
	complete := make(chan struct{})
	var once sync.Once
	p.pc.OnICECandidate(func(c *pion.ICECandidate) {
		if c == nil {
			once.Do(func() { close(complete) })
		}
	})
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	select {
	case <-complete:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return p.pc.LocalDescription().SDP, nil
}

// offer posts the offer and applies the answer.
func (p *Publisher) offer(ctx context.Context) error {
	full, err := p.gather(ctx, nil)
	if err != nil {
		return err
	}
	first := full
	if p.options.Trickle {
		first = without(full, "a=candidate:", "a=end-of-candidates")
	}
	response, err := p.ask(ctx, http.MethodPost, p.options.URL, "application/sdp", first, nil)
	if err != nil {
		return err
	}
	if response.Status != http.StatusCreated {
		return response
	}
	at, err := url.Parse(p.options.URL)
	if err != nil {
		return err
	}
	if at, err = at.Parse(response.Header.Get("Location")); err != nil {
		return err
	}
	p.whip = whip{resource: at.String(), tag: response.Header.Get("ETag"), answer: &sdp.SessionDescription{}}
	if err := p.whip.answer.UnmarshalString(response.Body); err != nil {
		return err
	}
	if err := p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: response.Body}); err != nil {
		return err
	}
	if p.options.Trickle {
		return p.trickle(ctx, full)
	}
	return nil
}

// trickle sends the candidates of an offer.
func (p *Publisher) trickle(ctx context.Context, offer string) error {
	response, err := p.ask(ctx, http.MethodPatch, p.whip.resource, "application/trickle-ice-sdpfrag", Fragment(offer), http.Header{"If-Match": {p.whip.tag}})
	if err != nil {
		return err
	}
	if response.Status != http.StatusNoContent {
		return response
	}
	return nil
}

// RestartICE begins a new ICE session (RFC 9725, 4.3.3).
func (p *Publisher) RestartICE(ctx context.Context) error {
	offer, err := p.gather(ctx, &pion.OfferOptions{ICERestart: true})
	if err != nil {
		return err
	}
	response, err := p.ask(ctx, http.MethodPatch, p.whip.resource, "application/trickle-ice-sdpfrag", Fragment(offer), http.Header{"If-Match": {"*"}})
	if err != nil {
		return err
	}
	if response.Status != http.StatusOK {
		return response
	}
	p.whip.tag = response.Header.Get("ETag")
	text, err := p.whip.answer.Marshal()
	if err != nil {
		return err
	}
	var ufrag, pwd string
	var candidates []string
	for line := range strings.Lines(response.Body) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			ufrag = v
		}
		if v, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok {
			pwd = v
		}
		if strings.HasPrefix(line, "a=candidate:") {
			candidates = append(candidates, line)
		}
	}
	var b strings.Builder
	for line := range strings.Lines(without(string(text), "a=candidate:", "a=end-of-candidates")) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + ufrag + "\r\n"
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + pwd + "\r\n" + strings.Join(candidates, "\r\n") + "\r\n"
			candidates = nil
			if line = strings.TrimRight(line, "\r\n") + "\r\n"; pwd == "" {
				return errors.New("the fragment has no ice-pwd")
			}
		}
		b.WriteString(line)
	}
	return p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: b.String()})
}

// Delete ends the WHIP session.
func (p *Publisher) Delete(ctx context.Context) error {
	response, err := p.ask(ctx, http.MethodDelete, p.whip.resource, "", "", nil)
	if err != nil {
		return err
	}
	if response.Status != http.StatusOK {
		return response
	}
	return nil
}

// ask makes one request; the body is read whole.
func (p *Publisher) ask(ctx context.Context, method, to, contentType, body string, header http.Header) (_ *ResponseError, err error) {
	request, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, header)
	set := func(name, value string) {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	set("Content-Type", contentType)
	set("Valence-Consent", p.options.Consent)
	set("Valence-Purpose", p.options.Purpose)
	if p.options.Token != "" {
		set("Authorization", "Bearer "+p.options.Token)
	}
	response, err := p.options.client().Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	all, err := io.ReadAll(response.Body)
	return &ResponseError{response.StatusCode, response.Header, string(all)}, err
}

// Fragment returns the ICE part of an offer as the body of a PATCH.
func Fragment(offer string) string {
	var b strings.Builder
	section := 0
	for line := range strings.Lines(offer) {
		if strings.HasPrefix(line, "m=") {
			section++
		}
		for _, prefix := range []string{"a=group:", "a=ice-options", "m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"} {
			if strings.HasPrefix(line, prefix) && section < 2 {
				b.WriteString(line)
			}
		}
	}
	return b.String() + "a=end-of-candidates\r\n"
}

func without(text string, prefixes ...string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		keep := true
		for _, prefix := range prefixes {
			keep = keep && !strings.HasPrefix(line, prefix)
		}
		if keep {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Offer returns what a publisher with these options would offer, with all its
// candidates.
func Offer(ctx context.Context, o Options) (text string, err error) {
	p, err := newPublisher(ctx, o)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, p.pc.GracefulClose()); p.group.Wait() }()
	return p.gather(ctx, nil)
}
