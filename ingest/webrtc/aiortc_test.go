package webrtc_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc"
)

// other is a process of another WebRTC stack.
type other struct {
	says  chan string
	input io.Closer
	done  chan error
}

// next returns what it says next.
func (o *other) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-o.says:
		return line
	case err := <-o.done:
		require.FailNow(t, "aiortc has ended", "%v", err)
	case <-time.After(30 * time.Second):
		require.FailNow(t, "aiortc says nothing")
	}
	return ""
}

// aiortc starts testdata/peer.py. It makes the environment where there is none;
// the test is skipped where none can be made.
func aiortc(t *testing.T, arguments ...string) *other {
	t.Helper()
	setup := exec.CommandContext(t.Context(), "../../scripts/setup-aiortc.sh")
	var why strings.Builder
	setup.Stderr = &why
	python, err := setup.Output()
	if err != nil {
		t.Skipf("aiortc cannot be had, so that another WebRTC stack is not tested: %s", why.String())
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute) // it is asked to end by Cleanup
	c := exec.CommandContext(ctx, strings.TrimSpace(string(python)), append([]string{"testdata/peer.py"}, arguments...)...)
	c.Env = append(os.Environ(), "VALENCE_CONSENT=text, audio, video")
	c.Stderr = os.Stderr
	input, err := c.StdinPipe()
	require.NoError(t, err)
	output, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	o := &other{says: make(chan string, 16), input: input, done: make(chan error, 1)}
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			o.says <- lines.Text()
		}
		o.done <- c.Wait()
	}()
	t.Cleanup(func() {
		_ = input.Close() // it may be closed
		assert.NoError(t, <-o.done)
		cancel()
	})
	return o
}

func TestMediaIsFetchedFromAnotherWebRTCStack(t *testing.T) {
	t.Parallel()
	from := aiortc(t, "serve", talk)
	b := serve(t, loopback())
	state, err := b.gateway.Pull(alice(from.next(t)))
	require.NoError(t, err)
	g := b.media(t, "call/alice", 100)
	assert.Equal(t, webrtc.PullConnected, b.state(state.ID).State)
	eventually(t, func() bool {
		notes := g.notes(ingest.Audio)
		return notes[len(notes)-1].clock.Source == ingest.ClockSenderReport
	}, "the sender's clock")
	require.NoError(t, b.gateway.StopPull(state.ID))
	assert.Equal(t, "deleted", from.next(t))
	ordered(t, g)
}

func TestAnotherWebRTCStackPublishes(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	from := aiortc(t, "publish", talk, b.server.URL+"/whip/call/alice")
	assert.Equal(t, "connected", from.next(t))
	g := b.media(t, "call/alice", 100)
	require.NoError(t, from.input.Close())
	assert.Equal(t, "deleted", from.next(t))
	assert.Equal(t, 1, g.count(ingest.Video, "end:no_track"))
	ordered(t, g)
}
