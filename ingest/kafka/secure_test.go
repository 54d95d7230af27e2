package kafka

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/internal/kafkasecure"
)

func TestAMemberProvesWhoItIs(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			cfg := quick(fake(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "ann", "hunter2")).ListenAddrs()...)
			cfg.SASL = kafkasecure.SASL{Mechanism: mechanism, Username: "ann", Password: "hunter2"}
			l := newLedger()
			run(t, cfg, l.as("one")).joined(t, 4)
			asker(t, cfg).put(t, "a", 0, numbered("x", 0, 1)...)
			require.Eventually(t, func() bool { return l.count() == 1 }, soon, 10*time.Millisecond)

			cfg.SASL.Password = "hunter3"
			wrong := run(t, cfg, l.as("two"))
			require.Eventually(t, func() bool {
				err := wrong.Ready()
				return err != nil && err.Error() != ErrWaiting.Error()
			}, soon, 10*time.Millisecond)
			assert.NotContains(t, wrong.Ready().Error(), "hunter3")
			t.Log(wrong.Ready())
		})
	}
}

func TestConnectionsAreEncrypted(t *testing.T) {
	cert := brokers.NewCertificate(t)
	cfg := quick(fake(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert.Pair}, MinVersion: tls.VersionTLS12})).ListenAddrs()...)
	cfg.TLS = kafkasecure.TLS{Enabled: true, CA: cert.File}
	l := newLedger()
	run(t, cfg, l.as("one")).joined(t, 4)

	cfg.TLS.ServerName = "another"
	wrong := run(t, cfg, l.as("two"))
	require.Eventually(t, func() bool {
		err := wrong.Ready()
		return err != nil && err.Error() != ErrWaiting.Error()
	}, soon, 10*time.Millisecond)
	assert.ErrorContains(t, wrong.Ready(), "x509")
}
