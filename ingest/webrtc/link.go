package webrtc

import (
	"net/http"
	"strings"
)

// links returns the Link headers that name the ICE servers (RFC 9725, 4.6). A
// STUN server comes first: OBS cannot use a list that begins with TURN.
func (c Config) links() []string {
	var stun, turn []string
	for _, s := range c.ICEServers {
		for _, u := range s.URLs {
			if !strings.HasPrefix(u, "turn") {
				stun = append(stun, "<"+u+`>; rel="ice-server"`)
				continue
			}
			turn = append(turn, "<"+u+`>; rel="ice-server"; username=`+quoted(s.Username)+"; credential="+quoted(string(s.Credential))+`; credential-type="password"`)
		}
	}
	return append(stun, turn...)
}

// quoted is a quoted-string of RFC 9110, 5.6.4.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// setLinks adds the Link headers to a response.
func (c Config) setLinks(h http.Header) {
	for _, l := range c.links() {
		h.Add("Link", l)
	}
}
