package kafka_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/internal/kafkasecure"
	"github.com/valence-live/valence/internal/secret"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/kafka"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestEventsGoToBrokersThatAskWhoWeAreOverEncryptedConnections(t *testing.T) {
	cert := brokers.NewCertificate(t)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser(mechanism, "valence", "correct horse"),
				kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert.Pair}, MinVersion: tls.VersionTLS12}))
			require.NoError(t, err)
			t.Cleanup(c.Close)
			letIn(t, c.ListenAddrs()[0], mechanism, cert)
		})
	}
}

// letIn publishes to a broker that knows "valence" by "correct horse" alone.
func letIn(t *testing.T, addr, mechanism string, cert brokers.Certificate) {
	t.Helper()
	cfg := settings(addr)
	cfg.TLS = kafkasecure.TLS{Enabled: true, CA: cert.File}
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("correct horse\n"), 0o600))
	cfg.SASL = kafkasecure.SASL{Mechanism: mechanism, Username: "valence", PasswordFile: file}
	p := open(t, cfg)
	require.Eventually(t, func() bool { return p.Publish(t.Context(), sinktest.Event("call", "alice", 1)) == nil }, 2*time.Minute, 100*time.Millisecond)

	for name, change := range map[string]func(*kafka.Config){
		"wrong password": func(c *kafka.Config) {
			c.SASL = kafkasecure.SASL{Mechanism: mechanism, Username: "valence", Password: secret.Text("wrong battery")}
		},
		"no password": func(c *kafka.Config) { c.SASL = kafkasecure.SASL{} },
		"unknown CA":  func(c *kafka.Config) { c.TLS.CA = "" },
		"no TLS":      func(c *kafka.Config) { c.TLS = kafkasecure.TLS{} },
	} {
		other := cfg
		change(&other)
		other.Timeout = 2 * time.Second // some brokers hang up, some wait
		p, err := kafka.New(other, telemetry.Nop())
		require.NoError(t, err)
		err = p.Publish(t.Context(), sinktest.Event("call", "alice", 2))
		require.ErrorIs(t, err, kafka.ErrUnavailable, name)
		assert.NotContains(t, err.Error(), "battery", name)
		require.NoError(t, p.Close())
	}
}
