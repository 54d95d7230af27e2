package webrtc

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// A fragment is the ICE information of a PATCH (RFC 8840, section 9).
type fragment struct {
	ufrag, pwd string
	candidates []string // "candidate:..." lines without "a="
}

// restarts reports whether the fragment begins another ICE session than that
// of the offer.
func (f fragment) restarts(offer *sdp.SessionDescription) bool {
	ufrag, _ := iceCredentials(offer)
	return f.ufrag != "" && f.ufrag != ufrag
}

// parseFragment reads the body of a PATCH. The error is a refusal with 400.
func parseFragment(body []byte) (fragment, error) {
	malformed := func(line int, why string) error {
		return refuse(http.StatusBadRequest, "malformed", "The fragment is malformed: line %d: %s.", line, why)
	}
	var f fragment
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, len(body)+1)
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" {
			continue
		}
		if len(line) < 3 || line[1] != '=' || !token(line[:1]) {
			return f, malformed(n, "not SDP")
		}
		if line[0] != 'a' {
			continue
		}
		key, value, _ := strings.Cut(line[2:], ":")
		switch key {
		case "ice-ufrag":
			if !usable(value, 4) || f.ufrag != "" && f.ufrag != value {
				return f, malformed(n, "an unusable or second ice-ufrag")
			}
			f.ufrag = value
		case "ice-pwd":
			if !usable(value, 22) || f.pwd != "" && f.pwd != value {
				return f, malformed(n, "an unusable or second ice-pwd")
			}
			f.pwd = value
		case "candidate":
			if !isCandidate(value) {
				return f, malformed(n, "not an ICE candidate (RFC 8839, 5.1)")
			}
			f.candidates = append(f.candidates, line[2:])
		}
	}
	switch {
	case lines.Err() != nil || n == 0:
		return f, malformed(n+1, "nothing there")
	case (f.ufrag == "") != (f.pwd == ""):
		return f, malformed(n, "ice-ufrag and ice-pwd come together")
	case f.ufrag == "" && len(f.candidates) == 0 && !bytes.Contains(body, []byte("end-of-candidates")):
		return f, malformed(n, "no ICE information")
	}
	return f, nil
}

// isCandidate checks the grammar of RFC 8839, 5.1, but not whether such a
// candidate can be used.
func isCandidate(value string) bool {
	fields := strings.Fields(value)
	if len(fields) < 8 || fields[6] != "typ" {
		return false
	}
	_, component := strconv.ParseUint(fields[1], 10, 16)
	_, priority := strconv.ParseUint(fields[3], 10, 32)
	_, port := strconv.ParseUint(fields[5], 10, 16)
	return component == nil && priority == nil && port == nil && len(fields[0]) <= 32
}

// iceCredentials returns those of the first media section, or of the session.
func iceCredentials(d *sdp.SessionDescription) (ufrag, pwd string) {
	get := func(key string) string {
		for _, m := range d.MediaDescriptions {
			if v, ok := m.Attribute(key); ok {
				return v
			}
		}
		v, _ := d.Attribute(key)
		return v
	}
	return get("ice-ufrag"), get("ice-pwd")
}

// restarted returns the offer as it would be after an ICE restart by the
// fragment: WHIP renegotiates nothing else (RFC 9725, 4.3.3).
func (f fragment) restarted(offer *sdp.SessionDescription) *sdp.SessionDescription {
	renew := func(old []sdp.Attribute) []sdp.Attribute {
		out := make([]sdp.Attribute, 0, len(old)+len(f.candidates))
		for _, a := range old {
			switch a.Key {
			case "candidate", "end-of-candidates":
				continue
			case "ice-ufrag":
				a.Value = f.ufrag
			case "ice-pwd":
				a.Value = f.pwd
			}
			out = append(out, a)
		}
		return out
	}
	again := *offer
	again.Attributes = renew(offer.Attributes)
	again.MediaDescriptions = nil
	for i, m := range offer.MediaDescriptions {
		section := *m
		section.Attributes = renew(m.Attributes)
		if i == 0 {
			for _, c := range f.candidates {
				key, value, _ := strings.Cut(c, ":")
				section.Attributes = append(section.Attributes, sdp.Attribute{Key: key, Value: value})
			}
		}
		again.MediaDescriptions = append(again.MediaDescriptions, &section)
	}
	return &again
}

// answerFragment returns the ICE part of an answer, as the body of the response
// to a restart.
func answerFragment(answer *sdp.SessionDescription) []byte {
	var b bytes.Buffer
	line := func(key, value string) {
		b.WriteString("a=" + key)
		if value != "" {
			b.WriteString(":" + value)
		}
		b.WriteString("\r\n")
	}
	for _, a := range answer.Attributes {
		if a.Key == "ice-options" || a.Key == "ice-lite" || a.Key == "group" {
			line(a.Key, a.Value)
		}
	}
	ufrag, pwd := iceCredentials(answer)
	m := answer.MediaDescriptions[0] // the bundle's: the others have no candidates of their own
	b.WriteString("m=" + m.MediaName.String() + "\r\n")
	mid, _ := m.Attribute(sdp.AttrKeyMID)
	line("mid", mid)
	line("ice-ufrag", ufrag)
	line("ice-pwd", pwd)
	for _, a := range m.Attributes {
		if a.Key == "candidate" {
			line(a.Key, a.Value)
		}
	}
	line("end-of-candidates", "")
	return b.Bytes()
}
