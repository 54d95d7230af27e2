package kafka_test

import (
	"crypto/tls"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/valence-live/valence/internal/kafkasecure"
	"github.com/valence-live/valence/internal/secret"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/kafka"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestEventsGoToBrokersThatAskWhoWeAreOverEncryptedConnections(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	certificate := web.TLS.Certificates
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600))
	web.Close()
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser(mechanism, "valence", "correct horse"),
				kfake.TLS(&tls.Config{Certificates: certificate, MinVersion: tls.VersionTLS12}))
			require.NoError(t, err)
			t.Cleanup(c.Close)
			cfg := settings(c.ListenAddrs()...)
			cfg.TLS = kafkasecure.TLS{Enabled: true, CA: ca}
			file := filepath.Join(t.TempDir(), "password")
			require.NoError(t, os.WriteFile(file, []byte("correct horse\n"), 0o600))
			cfg.SASL = kafkasecure.SASL{Mechanism: mechanism, Username: "valence", PasswordFile: file}
			require.NoError(t, open(t, cfg).Publish(t.Context(), sinktest.Event("call", "alice", 1)))

			cfg.SASL = kafkasecure.SASL{Mechanism: mechanism, Username: "valence", Password: secret.Text("wrong battery")}
			p, err := kafka.New(cfg, telemetry.Nop())
			require.NoError(t, err)
			err = p.Publish(t.Context(), sinktest.Event("call", "alice", 2))
			require.ErrorIs(t, err, kafka.ErrUnavailable)
			assert.NotContains(t, err.Error(), "battery")
			require.NoError(t, p.Close())
		})
	}
}
