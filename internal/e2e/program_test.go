//go:build e2e

package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/sink"
)

// program is bin/valence serve.
type program struct{ base string }

// serve starts the program with ports of its own and reads the address that it
// prints. It must stop by itself when it is asked to.
func serve(t *testing.T, flags ...string) *program {
	t.Helper()
	binary := os.Getenv("E2E_VALENCE")
	if binary == "" {
		binary = filepath.Join("..", "..", "bin", "valence")
	}
	require.FileExists(t, binary, "build it first: make build")
	cmd := exec.CommandContext(context.Background(), binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...)...)
	cmd.Env = append(os.Environ(), "VALENCE_INGEST_WEBRTC_UDP=127.0.0.1:0")
	log, err := os.Create(filepath.Join(artefacts(t), strings.ReplaceAll(t.Name(), "/", "-")+".log"))
	require.NoError(t, err)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait()
		assert.NoError(t, log.Close())
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the program printed no address; see %s", log.Name())
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return &program{base: strings.TrimSpace(line)}
}

// state asks for a participant as the dashboard does.
func (p *program) state(ctx context.Context, t *testing.T, session, participant string) *calls.ParticipantState {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/v1/sessions/"+url.PathEscape(session), http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusNotFound {
		return nil
	}
	require.Equal(t, http.StatusOK, response.StatusCode)
	var s calls.SessionState
	require.NoError(t, json.NewDecoder(response.Body).Decode(&s))
	for _, who := range s.Participants {
		if who.Participant == participant {
			return &who
		}
	}
	return nil
}

// watch hands over the events of a call as they come, until the test ends.
func (p *program) watch(t *testing.T, session string) <-chan *sink.Event {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+"/v1/sessions/"+url.PathEscape(session)+"/events", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // the reader below closes it
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	events := make(chan *sink.Event, 10000)
	go func() {
		defer close(events)
		defer func() { _ = response.Body.Close() }()
		lines, named := bufio.NewReader(response.Body), false
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok && !named {
				e, err := sink.Decode([]byte(data))
				if assert.NoError(t, err) {
					events <- e
				}
			}
			named = strings.HasPrefix(line, "event: ") || named && line != "\n"
		}
	}()
	return events
}

// next waits for an event that is wanted.
func next(t *testing.T, events <-chan *sink.Event, long time.Duration, wanted func(e *sink.Event) bool) *sink.Event {
	t.Helper()
	late := time.After(long)
	for {
		select {
		case e, ok := <-events:
			require.True(t, ok, "the stream ended")
			if wanted(e) {
				return e
			}
		case <-late:
			require.FailNow(t, "no such event came")
		}
	}
}
