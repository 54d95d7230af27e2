package webrtc_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
)

// hostile is how many malformed things of each kind are tried.
const hostile = 10_000

// mutate damages a text as a fuzzer would, but the same each time.
func mutate(random *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	for range 1 + random.IntN(4) {
		i := random.IntN(len(lines))
		switch line := []byte(lines[i]); random.IntN(8) {
		case 0:
			lines[i] = ""
		case 1:
			lines = append(lines, lines[i])
		case 2:
			j := random.IntN(len(lines))
			lines[i], lines[j] = lines[j], lines[i]
		case 3, 4:
			for range 1 + random.IntN(3) {
				if len(line) > 0 {
					line[random.IntN(len(line))] = byte(random.Uint32())
				}
			}
			lines[i] = string(line)
		case 5:
			lines[i] = lines[i][:random.IntN(len(lines[i])+1)]
		case 6:
			lines[i] = strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' && random.IntN(3) == 0 {
					return '0' + rune(random.IntN(10))
				}
				return r
			}, lines[i])
		default:
			if key, _, ok := strings.Cut(lines[i], ":"); ok {
				lines[i] = key + ":" + strings.Repeat("9", random.IntN(300)) + "\r\n"
			}
		}
	}
	return strings.Join(lines, "")
}

// still returns what a settled program holds.
func still(t *testing.T) (goroutines int, bytes uint64) {
	t.Helper()
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

func TestMalformedOffersAreRefusedAndLeaveNothingBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	b := serve(t, loopback())
	files, err := filepath.Glob("testdata/offers/*.sdp")
	require.NoError(t, err)
	var offers []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		offers = append(offers, string(text))
	}
	random := rand.New(rand.NewPCG(1, 2))
	statuses := map[int]int{}
	try := func(body string) {
		w, h := b.ask(t, http.MethodPost, "/whip/call/alice", request{contentType: typeSDP, body: body})
		statuses[w.Code]++
		switch w.Code {
		case http.StatusCreated:
			gone, _ := b.ask(t, http.MethodDelete, h.Get("Location"), request{})
			require.Equal(t, http.StatusOK, gone.Code)
		case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
			require.Equal(t, "application/problem+json", h.Get("Content-Type"))
		default:
			require.Fail(t, "a status that is not due", "%d: %s\n%q", w.Code, w.Body, body)
		}
	}
	one := func() {
		body := offers[random.IntN(len(offers))]
		for range 3 + random.IntN(8) { // most must be refused: an accepted one costs 5 ms
			body = mutate(random, body)
		}
		try(body)
	}
	for range hostile / 10 {
		one()
	}
	before, held := still(t)
	for range hostile - hostile/10 {
		one()
	}
	eventually(t, func() bool { return b.gateway.Stats().Publishers == 0 }, "the end")
	after, holds := still(t)
	assert.InDelta(t, before, after, 5, "goroutines")
	assert.Less(t, int64(holds)-int64(held), int64(2<<20), "bytes")
	assert.Greater(t, statuses[http.StatusBadRequest]+statuses[http.StatusUnprocessableEntity], hostile/2, statuses)
	joined, left := b.calls.guest("call/alice").seats()
	assert.Equal(t, joined, left)
	t.Log(statuses)
}

func TestMalformedPatchesAreRefusedAndTheMediaGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	b := serve(t, loopback())
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	g := b.media(t, "call/alice", 1)
	whole := offer(t, webrtctest.Options{Loop: true, File: talk})
	fragment := webrtctest.Fragment(whole)
	at := strings.TrimPrefix(p.Resource(), b.server.URL)
	random := rand.New(rand.NewPCG(3, 4))
	statuses := map[int]int{}
	before, _ := still(t)
	for i := range hostile {
		match := "*"
		if random.IntN(8) == 0 {
			match = mutate(random, p.Tag())
		}
		body := mutate(random, fragment)
		if i%5 != 0 { // else it is a restart, if it is anything
			body = strings.NewReplacer("a=ice-ufrag:", "a=x-ufrag:", "a=ice-pwd:", "a=x-pwd:").Replace(body)
		}
		w, _ := b.ask(t, http.MethodPatch, at, request{contentType: typeFragment, body: body, header: map[string]string{"If-Match": match}})
		statuses[w.Code]++
		switch w.Code {
		case 200, 204, 400, 412, 413, 422, 428:
		default:
			require.Fail(t, "a status that is not due", "%d: %s\n%q", w.Code, w.Body, body)
		}
	}
	t.Log(statuses)
	require.NoError(t, p.RestartICE(t.Context()))
	b.media(t, "call/alice", 20)
	after, _ := still(t)
	assert.InDelta(t, before, after, 10, "goroutines")
	joined, _ := g.seats()
	assert.Equal(t, 1, joined, "it is still the same connection")
}

func TestMalformedMessagesAreRefusedAndWordsStillCome(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	cfg := loopback()
	cfg.MaxMessages = 1000
	b := serve(t, cfg)
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, AudioOnly: true, Channel: true, Consent: all})
	within(t, p.Opened(), "the data channel")
	random := rand.New(rand.NewPCG(5, 6))
	for i := range hostile {
		require.NoError(t, p.Say(mutate(random, fmt.Sprintf(`{"id":"s%d","text":%q}`+"\n"+`{"words":[{}]}`, i, strings.Repeat("word ", random.IntN(50))))))
	}
	g := b.calls.guest("call/alice")
	eventually(t, func() bool {
		_ = p.Say(`{"id":"end","text":"fine"}`)
		return strings.Contains(strings.Join(g.said(), ""), `"end"`)
	}, "words to come")
	joined, _ := g.seats()
	assert.Equal(t, 1, joined)
}

func TestMalformedPacketsAreCountedAndGoodOnesStillCome(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("some seconds")
	}
	b := serve(t, loopback())
	const noise = 40
	for name, o := range map[string]webrtctest.Options{
		"vp8":  {File: talk},
		"vp9":  {File: "webrtctest/testdata/vp9.webm"},
		"h264": {File: "webrtctest/testdata/h264.mp4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Loop, o.Consent, o.Noise, o.Seed = true, all, noise, 9
			p := b.publish(t, "bad/"+name, o)
			require.Eventually(t, func() bool { return noise*(p.Sent(ingest.Audio)+p.Sent(ingest.Video)) > hostile/3 }, 2*time.Minute, 20*time.Millisecond)
			g := b.calls.guest("bad/" + name)
			assert.NotEmpty(t, g.drops())
			p.Heal()
			seen := g.count(ingest.Video, "picture")
			eventually(t, func() bool { return g.count(ingest.Video, "picture") > seen+5 }, "pictures again")
			require.NoError(t, p.Delete(t.Context()))
			ordered(t, g)
			t.Log(g.drops())
		})
	}
}
