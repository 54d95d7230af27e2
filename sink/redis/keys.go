package redis

import "strings"

// index is the sorted set of the calls that were written to, by when.
const index = "valence:sessions"

// keys are those of one participant in one call. All have the same hash tag,
// so a cluster keeps them on one node and one script may write to all.
type keys struct {
	participant  string // hash: the participant's latest score
	session      string // hash: the call's latest score
	stream       string // stream: the history of the call
	participants string // sorted set: who is in the call, by when last heard of
	seen         string // sorted set: which revisions of which events were written, by when
	channel      string // the nudge; no key
}

func keysOf(session, participant string) keys {
	base := "valence:{" + tag(session) + "}"
	return keys{
		participant:  base + ":participant:" + participant,
		session:      base,
		stream:       base + ":events",
		participants: base + ":participants",
		seen:         base + ":seen:" + participant,
		channel:      base + ":live",
	}
}

// tag is the session's id as it stands in keys: as it is, unless a '}' in it
// would empty the hash tag or make the key look like one of another call. Then
// each is written as '/', which no id has.
func tag(session string) string {
	if strings.HasPrefix(session, "}") || strings.Contains(session, "}:") {
		return strings.ReplaceAll(session, "}", "/")
	}
	return session
}

// list is KEYS of the scripts.
func (k keys) list() []string {
	return []string{k.participant, k.session, k.stream, k.participants, k.seen}
}
