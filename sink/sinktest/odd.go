package sinktest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// OddIDs are session and participant ids that ingest lets pass and that a
// careless sink trips over.
func OddIDs() []string {
	return []string{
		strings.Repeat("x", 128), strings.Repeat("😀", 32), " ", "..", "%2F", "a%", "a:b", "{a}", "[a-z]*?", "a b\u00a0c",
		`"quoted" \back\`, "'; --", "<img src=x onerror=alert(1)>", "\u202etfel ot thgir", "e\u0301", "\u00e9", "ﷺ", "null", "0", "-1",
		"a\u2028b", "\u0085", "#", "$&", "a|b", "a,b", "A", "a",
	}
}

func odd(t *testing.T, h Harness) {
	t.Helper()
	for _, id := range OddIDs() {
		_, err := ingest.NewParticipant(id, id)
		require.NoError(t, err, "ingest refuses %q", id)
	}
	for i, id := range OddIDs() {
		publish(t, h, Event(id, id, i), Event("call", id, i))
	}
	var call []*sink.Event
	for i, id := range OddIDs() {
		expect(t, h, id, Event(id, id, i))
		call = append(call, Event("call", id, i))
	}
	expect(t, h, "call", call...)
}
