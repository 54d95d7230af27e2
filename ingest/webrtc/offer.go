package webrtc

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// maxSections is how many media sections an offer may have: sound, picture,
// data.
const maxSections = 3

// maxLayers is how many sizes of the picture may be sent at once.
const maxLayers = 4

// parseOffer reads an offer and checks that all of it can be served; RFC 9725
// (4.4.3) wants no offer to be served in part. What is not SDP is refused with
// 400, what cannot be served with 422.
func parseOffer(body []byte, maxCandidates int) (*sdp.SessionDescription, error) {
	malformed := func(format string, args ...any) error {
		return refuse(http.StatusBadRequest, "malformed", "The offer is malformed: "+format, args...)
	}
	var offer sdp.SessionDescription
	if !bytes.HasPrefix(body, []byte("v=0")) {
		return nil, malformed("it does not begin with v=0 (RFC 8866, 5.1).")
	}
	if err := offer.Unmarshal(body); err != nil {
		return nil, refuse(http.StatusBadRequest, "malformed", "The offer is not SDP.").because(err)
	}
	if n := len(offer.MediaDescriptions); n == 0 || n > maxSections {
		return nil, unserved("tracks", "The offer has %d media sections; offer one audio track, one video track, and no more than a data channel besides.", n)
	}
	if n := countCandidates(&offer); n > maxCandidates {
		return nil, unserved("candidates", "The offer has %d ICE candidates, at most %d are taken.", n, maxCandidates)
	}
	kinds, mids := map[string]bool{}, map[string]bool{}
	for _, m := range offer.MediaDescriptions {
		kind := m.MediaName.Media
		if kinds[kind] {
			return nil, unserved("tracks", "The offer has two sections for %s; at most one is taken.", kind)
		}
		mid, ok := m.Attribute(sdp.AttrKeyMID)
		if !ok || mid == "" || mids[mid] || !token(mid) {
			return nil, malformed("every media section needs a mid of its own.")
		}
		kinds[kind], mids[mid] = true, true
		if err := checkSection(&offer, m); err != nil {
			return nil, err
		}
	}
	if !kinds["audio"] && !kinds["video"] {
		return nil, unserved("tracks", "The offer has no audio and no video track. Words alone are taken by POST to the participant's transcript.")
	}
	if len(mids) > 1 && !bundled(&offer, mids) {
		return nil, unserved("bundle", "The media sections are not bundled; use the max-bundle policy (RFC 9725, 4.4.1).")
	}
	for _, m := range offer.MediaDescriptions {
		lead(&offer, m)
	}
	return &offer, nil
}

// lead makes the client the one that begins the DTLS handshake unless it can
// only wait: RFC 9725 (4.4.4) expects the server to be able to wait. Left the
// choice, pion would begin, and it knows no choice made for the whole session.
func lead(offer *sdp.SessionDescription, m *sdp.MediaDescription) {
	setup, ok := m.Attribute("setup")
	if !ok {
		setup, _ = offer.Attribute("setup")
	}
	if setup != "passive" {
		setup = "active"
	}
	m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool { return a.Key == "setup" })
	m.Attributes = append(m.Attributes, sdp.Attribute{Key: "setup", Value: setup})
}

// unserved is the refusal of an offer that is SDP, but asks for what there is
// not.
func unserved(reason, format string, args ...any) *refusal {
	return refuse(http.StatusUnprocessableEntity, reason, format, args...)
}

// checkSection checks one media section.
func checkSection(offer *sdp.SessionDescription, m *sdp.MediaDescription) error {
	kind := m.MediaName.Media
	attribute := func(key string) (string, bool) {
		if v, ok := m.Attribute(key); ok {
			return v, true
		}
		return offer.Attribute(key)
	}
	_, bundleOnly := m.Attribute("bundle-only")
	ufrag, _ := attribute("ice-ufrag")
	pwd, _ := attribute("ice-pwd")
	fingerprint, _ := attribute("fingerprint")
	setup, _ := attribute("setup")
	switch {
	case kind != "audio" && kind != "video" && kind != "application":
		return unserved("tracks", "The offer has a section for %q; audio, video and one data channel are taken.", kind)
	case m.MediaName.Port.Value == 0 && !bundleOnly:
		return unserved("direction", "The %s section is switched off (port 0); leave it out.", kind)
	case !usable(ufrag, 4) || !usable(pwd, 22):
		return refuse(http.StatusBadRequest, "malformed", "The offer is malformed: the %s section has no usable ice-ufrag and ice-pwd (RFC 8839, 5.4).", kind)
	case !fingerprinted(fingerprint):
		return refuse(http.StatusBadRequest, "malformed", "The offer is malformed: the %s section has no usable fingerprint (RFC 8122, 5).", kind)
	case !slices.Contains([]string{"", "actpass", "active", "passive"}, setup):
		return unserved("setup", "The %s section has a=setup:%.20s; use actpass.", kind, setup)
	}
	protocols := strings.Join(m.MediaName.Protos, "/")
	if kind == "application" {
		if !strings.HasSuffix(protocols, "DTLS/SCTP") || !slices.Contains(m.MediaName.Formats, "webrtc-datachannel") {
			return unserved("protocol", "The application section is not for data channels (UDP/DTLS/SCTP webrtc-datachannel).")
		}
		return nil
	}
	_, mux := m.Attribute(sdp.AttrKeyRTCPMux)
	switch {
	case !strings.HasSuffix(protocols, "TLS/RTP/SAVPF"):
		return unserved("protocol", "The %s section is for %.40s; UDP/TLS/RTP/SAVPF is taken.", kind, protocols)
	case !mux:
		return unserved("rtcp_mux", "The %s section has no a=rtcp-mux (RFC 9725, 4.4.1).", kind)
	}
	for _, way := range []string{"recvonly", "inactive"} {
		if _, ok := attribute(way); ok {
			return unserved("direction", "The %s section is %s; WHIP sends (RFC 9725, 4.2).", kind, way)
		}
	}
	if err := checkFormats(m); err != nil {
		return err
	}
	layers := 0
	for _, a := range m.Attributes {
		if a.Key == "rid" {
			layers++
		}
	}
	if layers > maxLayers {
		return unserved("layers", "The %s section has %d layers, at most %d are taken.", kind, layers, maxLayers)
	}
	return nil
}

// checkFormats looks for a format that can be decoded.
func checkFormats(m *sdp.MediaDescription) error {
	formats := map[string]string{}    // payload type -> "vp8/90000"
	parameters := map[string]string{} // payload type -> fmtp
	for _, a := range m.Attributes {
		payload, rest, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rtpmap":
			formats[payload] = strings.ToLower(rest)
		case "fmtp":
			parameters[payload] = strings.ToLower(rest)
		}
	}
	for _, payload := range m.MediaName.Formats {
		if n, err := strconv.Atoi(payload); err != nil || n < 0 || n > 127 {
			return refuse(http.StatusBadRequest, "malformed", "The offer is malformed: %.20q is no payload type.", payload)
		}
		format := formats[payload]
		switch m.MediaName.Media {
		case "audio":
			if format == "opus/48000/2" {
				return nil
			}
		case "video":
			profile := strings.ReplaceAll(parameters[payload], " ", "")
			vp9 := format == "vp9/90000" && (!strings.Contains(profile, "profile-id=") || strings.Contains(profile, "profile-id=0"))
			if format == "vp8/90000" || format == "h264/90000" || vp9 {
				return nil
			}
		}
	}
	return unserved("codec", "The %s section has no format that is taken: Opus for sound, VP8, VP9 (profile 0) or H.264 for pictures.", m.MediaName.Media)
}

// bundled reports whether one group holds all media sections.
func bundled(offer *sdp.SessionDescription, mids map[string]bool) bool {
	for _, a := range offer.Attributes {
		if group, ok := strings.CutPrefix(a.Value, "BUNDLE "); a.Key == "group" && ok {
			members := strings.Fields(group)
			return !slices.ContainsFunc(slices.Collect(maps.Keys(mids)), func(mid string) bool { return !slices.Contains(members, mid) })
		}
	}
	return false
}

func countCandidates(offer *sdp.SessionDescription) int {
	n := 0
	count := func(attributes []sdp.Attribute) {
		for _, a := range attributes {
			if a.Key == "candidate" {
				n++
			}
		}
	}
	count(offer.Attributes)
	for _, m := range offer.MediaDescriptions {
		count(m.Attributes)
	}
	return n
}

// usable reports whether an ICE credential has the length and the characters
// of RFC 8839, 5.4.
func usable(credential string, shortest int) bool {
	return len(credential) >= shortest && len(credential) <= 256 && !strings.ContainsFunc(credential, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '+' && r != '/' &&
			r != '-' && r != '_' && r != '=' // not in the grammar, but sent
	})
}

// fingerprinted reports whether a value names a hash and has hexadecimal pairs.
func fingerprinted(value string) bool {
	hash, digest, ok := strings.Cut(value, " ")
	known := []string{"sha-1", "sha-224", "sha-256", "sha-384", "sha-512"}
	return ok && slices.Contains(known, strings.ToLower(hash)) && len(digest) >= 40 && strings.Trim(digest, "0123456789abcdefABCDEF:") == ""
}

// token reports whether a text is short and visible.
func token(text string) bool {
	return len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
