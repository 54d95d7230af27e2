package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

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
	pair, ca := certificate(t)
	cfg := quick(fake(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})).ListenAddrs()...)
	cfg.TLS = kafkasecure.TLS{Enabled: true, CA: ca}
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

// certificate makes one for 127.0.0.1 and a file of it.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
