package brokers

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// SecureKafka starts a broker that takes clients at the returned address only
// if they speak TLS (it shows the certificate) and prove by PLAIN,
// SCRAM-SHA-256 or SCRAM-SHA-512 that they are the user. Tools come in by a
// door of their own, the server's Addr.
func SecureKafka(tb testing.TB, user, password string, c Certificate) (*Server, string) {
	tb.Helper()
	var text []byte
	for _, file := range []string{c.Key, c.File} {
		part, err := os.ReadFile(file) //nolint:gosec // G304: files of the test
		check(tb, err)
		text = append(text, part...)
	}
	store := filepath.Join(tb.TempDir(), "store.pem")
	write(tb, store, string(text))
	guarded := net.JoinHostPort("127.0.0.1", strconv.Itoa(FreePort(tb)))
	scram := func(mechanism string) string {
		return fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, user, password)
	}
	const login = "org.apache.kafka.common.security."
	s := startKafka(tb, []string{"--add-scram", scram("SCRAM-SHA-256"), "--add-scram", scram("SCRAM-SHA-512")}, func(listeners string) []string {
		return []string{
			"listeners=" + listeners + ",GUARDED://" + guarded,
			"advertised.listeners=" + listeners + ",GUARDED://" + guarded,
			"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_SSL",
			"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
			"listener.name.guarded.ssl.keystore.type=PEM",
			"listener.name.guarded.ssl.keystore.location=" + store,
			fmt.Sprintf(`listener.name.guarded.plain.sasl.jaas.config=%splain.PlainLoginModule required user_%s="%s";`, login, user, password),
			"listener.name.guarded.scram-sha-256.sasl.jaas.config=" + login + "scram.ScramLoginModule required;",
			"listener.name.guarded.scram-sha-512.sasl.jaas.config=" + login + "scram.ScramLoginModule required;",
		}
	})
	return s, guarded
}
