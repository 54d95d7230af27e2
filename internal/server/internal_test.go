package server

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/api"
	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/telemetry"
)

// noPulls is there, and never asked.
type noPulls struct{}

func (noPulls) Pull(Pull) (PullState, error) { return PullState{}, nil }
func (noPulls) Pulls() []PullState           { return nil }
func (noPulls) Stop(string) error            { return nil }

func TestTheDocumentAndTheServerHaveTheSameRoutes(t *testing.T) {
	nothing := http.NotFoundHandler()
	s, err := New(Default(), Deps{
		Calls: struct{ Calls }{}, Pulls: noPulls{}, WHIP: nothing, Events: nothing, Pages: nothing, Metrics: nothing,
	}, telemetry.Nop())
	require.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI())
	require.NoError(t, err)
	var served, described []string
	for _, rt := range s.routes() {
		served = append(served, rt.method+" "+rt.path)
		operation := doc.Paths.Value(rt.path).GetOperation(rt.method)
		require.NotNil(t, operation, "%s %s is not described", rt.method, rt.path)
		open := operation.Security != nil && len(*operation.Security) == 1 && len((*operation.Security)[0]) == 0
		assert.Equal(t, rt.need == "", open, "%s %s: whether a token is needed", rt.method, rt.path)
		if rt.method == http.MethodPost || rt.method == http.MethodPut || rt.method == http.MethodPatch {
			assert.NotNil(t, operation.RequestBody, "%s %s", rt.method, rt.path)
		}
		statuses := []string{}
		if rt.need != "" {
			statuses = append(statuses, "400", "401", "403")
		}
		if rt.method == http.MethodPost {
			statuses = append(statuses, "429")
		}
		for _, status := range statuses {
			assert.NotNil(t, operation.Responses.Value(status), "%s %s: %s", rt.method, rt.path, status)
		}
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	assert.Equal(t, served, described)
}

func TestScopesAreThoseThatTheDocumentNames(t *testing.T) {
	for _, scope := range auth.Scopes() {
		assert.Contains(t, string(api.OpenAPI()), "Scope `"+string(scope)+"`")
	}
}

func TestAnAddressMayAskSoOftenASecond(t *testing.T) {
	l, now := newLimiter(2), time.Unix(0, 0)
	for range 4 { // the burst
		require.Zero(t, l.allow("192.0.2.1:1000", now))
	}
	require.Equal(t, 500*time.Millisecond, l.allow("192.0.2.1:1001", now), "another port is the same address")
	require.Equal(t, 500*time.Millisecond, l.allow("[::ffff:192.0.2.1]:1", now), "and so is its IPv6 form")
	require.Zero(t, l.allow("192.0.2.2:1000", now))
	require.Zero(t, l.allow("192.0.2.1:1000", now.Add(time.Second)))

	for range 4 {
		require.Zero(t, l.allow("[2001:db8:0:1::1]:1", now))
	}
	require.NotZero(t, l.allow("[2001:db8:0:1:ffff::2]:1", now), "one subscriber")
	require.Zero(t, l.allow("[2001:db8:0:2::1]:1", now))
	require.Zero(t, l.allow("no address", now))
	require.Zero(t, newLimiter(0).allow("192.0.2.1:1000", now))
}

func TestTheMemoryOfALimiterIsBounded(t *testing.T) {
	l, now := newLimiter(1), time.Unix(0, 0)
	for i := range 3 * maxVisitors {
		l.allow(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), now)
		require.LessOrEqual(t, len(l.known), maxVisitors)
		require.Len(t, l.known, l.order.Len())
	}
}

func BenchmarkLimiter(b *testing.B) {
	l, now := newLimiter(100), time.Unix(0, 0)
	b.ReportAllocs()
	for b.Loop() {
		l.allow("192.0.2.1:1000", now)
	}
}
