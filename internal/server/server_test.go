package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/server"
)

// run starts a server on a free port, with a stream in place of events.
func run(t *testing.T, cfg server.Config, events http.HandlerFunc) (s *server.Server, base string) {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	deps := (&world{}).deps()
	if events != nil {
		deps.Events = events
	}
	s, err := server.New(cfg, deps, nop())
	require.NoError(t, err)
	require.Empty(t, s.Addr())
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, s.Shutdown(context.WithoutCancel(t.Context()))) })
	return s, "http://" + s.Addr()
}

func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// answer is a response whose body is closed at the end of the test.
type answer struct {
	status, protocol int
	body             io.Reader
}

func get(t *testing.T, c *http.Client, url string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := c.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return answer{res.StatusCode, res.ProtoMajor, res.Body}
}

// endless sends a dot, then nothing until it is ended.
func endless(ended chan<- error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, ".")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		_, err := io.WriteString(w, "!")
		ended <- err
	}
}

func TestAStreamOutlivesTheTimeOutsAndEndsWithTheServer(t *testing.T) {
	cfg := server.Default()
	cfg.ReadTimeout, cfg.WriteTimeout, cfg.ReadHeaderTimeout = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	ended := make(chan error, 1)
	s, base := run(t, cfg, endless(ended))
	res := get(t, client(t), base+"/v1/sessions/call/events")
	require.Equal(t, http.StatusOK, res.status)
	first := make([]byte, 1)
	_, err := io.ReadFull(res.body, first)
	require.NoError(t, err)
	select {
	case err = <-ended:
		require.Fail(t, "the stream was cut off", err)
	case <-time.After(5 * cfg.ReadTimeout): // real sockets: deadlines are those of the kernel
	}
	require.NoError(t, s.Shutdown(t.Context()))
	require.NoError(t, <-ended, "it could still say good-bye")
	rest, err := io.ReadAll(res.body)
	require.NoError(t, err)
	assert.Equal(t, "!", string(rest))
	require.NoError(t, s.Shutdown(t.Context()), "again")
}

func TestAStreamMaySayWhatIsLeftBeforeTheServerEnds(t *testing.T) {
	source := make(chan struct{})
	s, base := run(t, server.Default(), func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		select {
		case <-source:
			_, _ = io.WriteString(w, "the last word")
		case <-r.Context().Done():
		}
	})
	res := get(t, client(t), base+"/v1/sessions/call/events")
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(t.Context()) }()
	require.Eventually(t, func() bool {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", s.Addr())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond, "it takes no more connections")
	close(source)
	require.NoError(t, <-down)
	text, err := io.ReadAll(res.body)
	require.NoError(t, err)
	assert.Equal(t, "the last word", string(text))
}

func TestAConnectionThatWasTakenOverIsWaitedFor(t *testing.T) {
	ended := make(chan struct{})
	s, base := run(t, server.Default(), func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		<-r.Context().Done()
		_ = conn.Close()
		close(ended)
	})
	res := get(t, client(t), base+"/v1/sessions/call/events")
	require.Equal(t, http.StatusSwitchingProtocols, res.status)
	require.NoError(t, s.Shutdown(t.Context()))
	select {
	case <-ended:
	default:
		require.Fail(t, "Shutdown did not wait")
	}
}

func TestAWebSocketComesThroughWithItsTokenInTheQuery(t *testing.T) {
	_, base := run(t, guarded(), func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // Accept has answered
		}
		defer conn.CloseNow() //nolint:errcheck // after Close it only confirms
		_ = conn.Write(r.Context(), websocket.MessageText, []byte(r.URL.RawQuery))
		_ = conn.Close(websocket.StatusNormalClosure, "")
	})
	url := strings.Replace(base, "http", "ws", 1) + "/v1/sessions/call/events?participant=alice&access_token=" + aliceRead
	conn, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPClient: client(t)}) //nolint:bodyclose // there is none
	require.NoError(t, err)
	defer conn.CloseNow() //nolint:errcheck // the server has closed it
	_, message, err := conn.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "participant=alice", string(message), "the token goes no further")
	_, _, err = websocket.Dial(t.Context(), strings.Replace(url, "alice&", "bob&", 1), nil) //nolint:bodyclose // there is none
	require.ErrorContains(t, err, "403")
}

func TestShutdownIsBoundedByItsContext(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	s, base := run(t, server.Default(), func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-release // deaf to its context
	})
	get(t, client(t), base+"/v1/sessions/call/events")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.DeadlineExceeded)
}

func TestAClientThatSendsNoHeadIsCutOff(t *testing.T) {
	cfg := server.Default()
	cfg.ReadHeaderTimeout = 100 * time.Millisecond
	s, _ := run(t, cfg, nil)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", s.Addr())
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // the server has done so
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = io.ReadAll(conn)
	require.NoError(t, err, "closed, not timed out")
}

func TestAHugeHeadIsRefused(t *testing.T) {
	_, base := run(t, server.Default(), nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/livez", nil)
	require.NoError(t, err)
	r.Header.Set("X", strings.Repeat("a", 64<<10))
	res, err := client(t).Do(r)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // it was not read
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, res.StatusCode)
}

func TestAnAddressThatIsTakenIsAnErrorThatNamesIt(t *testing.T) {
	s, _ := run(t, server.Default(), nil)
	cfg := server.Default()
	cfg.Listen = s.Addr()
	other, err := server.New(cfg, server.Deps{}, nop())
	require.NoError(t, err)
	require.ErrorContains(t, other.Start(t.Context()), s.Addr())
	require.ErrorContains(t, other.Start(t.Context()), "server.listen")
	require.ErrorContains(t, other.Start(t.Context()), "127.0.0.1:0", "what to do")
	require.NoError(t, other.Shutdown(t.Context()))
}

func TestAConnectionThatFailsIsLoggedInPlainWords(t *testing.T) {
	logged := make(lines, 1)
	set := nop()
	set.Logger = slog.New(slog.NewTextHandler(logged, nil))
	cfg := server.Default()
	cfg.Listen = "127.0.0.1:0"
	cfg.TLSCert, cfg.TLSKey = certificate(t, x509.NewCertPool())
	s, err := server.New(cfg, server.Deps{}, set)
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(context.Background())) })
	res := get(t, client(t), "http://"+s.Addr()+"/livez")
	assert.Equal(t, http.StatusBadRequest, res.status)
	line := <-logged
	assert.Contains(t, line, `error="http: TLS handshake error from 127.0.0.1:`)
	assert.NotContains(t, line, `\n`)
}

// lines hands on what is logged.
type lines chan string

// Write implements io.Writer.
func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func TestItServesOverTLS(t *testing.T) {
	cfg := server.Default()
	roots := x509.NewCertPool()
	cfg.TLSCert, cfg.TLSKey = certificate(t, roots)
	s, _ := run(t, cfg, nil)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	res := get(t, &http.Client{Transport: transport}, "https://"+s.Addr()+"/livez")
	assert.Equal(t, http.StatusOK, res.status)
	assert.Equal(t, 2, res.protocol)

	old := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}}
	defer old.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.Addr()+"/livez", nil)
	require.NoError(t, err)
	_, err = (&http.Client{Transport: old}).Do(r) //nolint:bodyclose // there is none
	require.Error(t, err, "old TLS is refused")
}

// certificate makes one for 127.0.0.1 that signs itself.
func certificate(t *testing.T, roots *x509.CertPool) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots.AddCert(parsed)
	private8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pemFile(t, "CERTIFICATE", der), pemFile(t, "PRIVATE KEY", private8)
}

func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.pem")
	require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return name
}
