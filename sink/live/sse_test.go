package live_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/sinktest"
)

func (s *server) publish(t *testing.T, events ...*sink.Event) {
	t.Helper()
	for _, e := range events {
		require.NoError(t, s.store.Publish(t.Context(), e))
	}
}

func early(e *sink.Event) *sink.Event {
	e.State, e.Revision = features.Provisional, 0
	return e
}

func TestAReaderWaitsForACallThatHasNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, live.Default())
		in := s.open(t, "", "")
		require.NoError(t, s.store.Tell(sink.Status{Session: "call", Participant: "a", State: sink.Waiting, Purpose: ingest.General}))
		m := in.expect(t)
		assert.Equal(t, "status", m.kind)
		assert.Empty(t, m.id, "a status has no place in the stream of events")
		assert.Contains(t, m.data, `"state":"waiting"`)
		e := sinktest.Event("call", "a", 1)
		s.publish(t, e, sinktest.Event("other", "a", 1))
		m = in.expect(t)
		assert.Empty(t, m.kind)
		assert.Equal(t, e, m.event(t))
		require.NoError(t, s.store.Close())
		in.ends(t)
	})
}

func TestAReaderGoesOnAfterItsLastID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, live.Default())
		in := s.open(t, "", "")
		s.publish(t, sinktest.Event("call", "a", 1))
		last := in.expect(t).id
		in.close()
		s.publish(t, sinktest.Event("call", "a", 2), sinktest.Event("call", "b", 2), sinktest.Event("call", "a", 3))

		again := s.open(t, "", last)
		for _, want := range []*sink.Event{sinktest.Event("call", "a", 2), sinktest.Event("call", "b", 2), sinktest.Event("call", "a", 3)} {
			assert.Equal(t, want, again.expect(t).event(t))
		}
		one := s.open(t, "?participant=b&last_event_id="+last, "")
		assert.Equal(t, sinktest.Event("call", "b", 2), one.expect(t).event(t))

		for _, unknown := range []string{"0", "feedc0de-3", "feedc0de-", last + "x", "-"} {
			all := s.open(t, "", unknown)
			for i := range 4 {
				assert.NotEmpty(t, all.expect(t).id, "%q: event %d", unknown, i)
			}
			all.close()
		}
		fresh := s.open(t, "", "")
		assert.Equal(t, sinktest.Event("call", "b", 2), fresh.expect(t).event(t))
		assert.Equal(t, sinktest.Event("call", "a", 3), fresh.expect(t).event(t), "without an id only the newest of each")
		s.publish(t, sinktest.Event("call", "a", 4))
		assert.Equal(t, sinktest.Event("call", "a", 4), fresh.expect(t).event(t))
	})
}

func TestASilentStreamShowsThatItIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, live.Default())
		in := s.open(t, "", "")
		begun := time.Now()
		for i := range 3 {
			assert.Equal(t, "alive", in.expect(t).comment)
			assert.Equal(t, time.Duration(i+1)*15*time.Second, time.Since(begun), "longer than the time-outs of the server")
		}
	})
}

func TestASlowReaderHoldsUpNobodyAndIsToldWhatItLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := live.Default()
		cfg.Queue = 2
		s := serve(t, cfg)
		slow, quick := s.open(t, "", ""), s.open(t, "", "")
		for i := range 10 {
			e := sinktest.Event("call", "a", i)
			if i%2 == 1 {
				early(e)
			}
			s.publish(t, e)
			synctest.Wait()
			assert.Equal(t, e, quick.expect(t).event(t))
		}
		first := slow.expect(t).event(t)
		assert.Equal(t, sinktest.Event("call", "a", 0), first)
		lost := slow.expect(t).lost(t)
		assert.Equal(t, memory.Lost{Provisional: 5, Final: 2}, lost)
		assert.Equal(t, sinktest.Event("call", "a", 6), slow.expect(t).event(t))
		assert.Equal(t, sinktest.Event("call", "a", 8), slow.expect(t).event(t))
	})
}

func TestAReaderThatIsStuckIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := live.Default()
		cfg.WriteTimeout = 3 * time.Second
		s := serve(t, cfg)
		stuck := s.open(t, "", "")
		s.publish(t, sinktest.Event("call", "a", 1))
		synctest.Wait()
		time.Sleep(2900 * time.Millisecond)
		assert.NotNil(t, stuck.expect(t).event(t), "slow is not stuck")
		s.publish(t, sinktest.Event("call", "a", 2))
		time.Sleep(3100 * time.Millisecond)
		_, err := stuck.next()
		require.Error(t, err)
	})
}

func TestMoreReadersThanThereMayBeAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := live.Default()
		cfg.Clients = 1
		s := serve(t, cfg)
		in := s.open(t, "", "")
		status, header := s.get(t, http.MethodGet, address("call", ""))
		assert.Equal(t, http.StatusServiceUnavailable, status)
		assert.Equal(t, "application/problem+json", header.Get("Content-Type"))
		assert.NotEmpty(t, header.Get("Retry-After"))
		in.close()
		synctest.Wait()
		s.open(t, "", "")
	})
}

func (s *server) get(t *testing.T, method, url string) (status int, header http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	response, err := s.client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, response.Header
}

func TestUnusableIDsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, live.Default())
		for _, url := range []string{
			address(strings.Repeat("x", 129), ""), address("a/b", ""), address("\x00", ""), address("call", "?participant=a%2Fb"),
		} {
			status, _ := s.get(t, http.MethodGet, url)
			assert.Equal(t, http.StatusBadRequest, status, url)
		}
		status, _ := s.get(t, http.MethodHead, address("call", ""))
		assert.Equal(t, http.StatusOK, status, "HEAD ends")
	})
}

func TestShutdownWaitsForReadersAndCutsOffThoseThatStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, live.Default())
		in := s.open(t, "", "")
		stuck := s.open(t, "", "")
		s.publish(t, sinktest.Event("call", "a", 1))
		assert.NotNil(t, in.expect(t).event(t))
		require.NoError(t, s.store.Close())
		in.ends(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		require.ErrorIs(t, s.handler.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begun))
		_, err := stuck.next()
		require.Error(t, err)
		status, _ := s.get(t, http.MethodGet, address("call", ""))
		assert.Equal(t, http.StatusServiceUnavailable, status)
		require.NoError(t, s.handler.Shutdown(t.Context()), "may be called twice")
	})
}

func TestAResponseThatCannotStreamIsSaidSo(t *testing.T) {
	s := serve(t, live.Default())
	response := &deaf{header: http.Header{}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	require.NoError(t, err)
	request.SetPathValue("session", "call")
	s.handler.Events().ServeHTTP(response, request)
	assert.Equal(t, http.StatusInternalServerError, response.status)
}

// deaf is a ResponseWriter that knows neither deadlines nor Flush.
type deaf struct {
	header http.Header
	status int
}

func (d *deaf) Header() http.Header         { return d.header }
func (d *deaf) WriteHeader(status int)      { d.status = status }
func (d *deaf) Write(b []byte) (int, error) { return len(b), nil }

func TestUnusableSettingsAreAllReported(t *testing.T) {
	require.NoError(t, live.Default().Validate())
	err := live.Config{Origins: []string{"["}}.Validate()
	require.ErrorIs(t, err, live.ErrConfig)
	for _, key := range []string{"clients", "queue", "heartbeat", "write_timeout", "origins"} {
		assert.ErrorContains(t, err, "sink.live."+key)
	}
}
