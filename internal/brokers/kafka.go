package brokers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Kafka starts one Apache Kafka broker (KRaft, no ZooKeeper) with settings that
// make tests fast: it comes back soon after a crash, and groups form at once.
// Topics are not made by being used. Further arguments are properties of the
// server, "auto.create.topics.enable=true", that replace or add to those.
func Kafka(tb testing.TB, properties ...string) *Server {
	tb.Helper()
	return startKafka(tb, nil, func(string) []string { return properties })
}

// startKafka formats the broker's folder with further arguments and starts it
// with further properties, which are told the listeners of every broker.
func startKafka(tb testing.TB, format []string, properties func(listeners string) []string) *Server {
	tb.Helper()
	jars := setup(tb, "TEST_KAFKA_JARS", "setup-kafka.sh")
	s := &Server{tb: tb, Dir: tb.TempDir(), ready: "Kafka Server started", broken: []string{"Exiting Kafka due to fatal exception", "Could not find or load main class"}}
	port, controller := strconv.Itoa(FreePort(tb)), strconv.Itoa(FreePort(tb))
	s.Addr = net.JoinHostPort("127.0.0.1", port)

	config := filepath.Join(s.Dir, "server.properties")
	listeners := fmt.Sprintf("PLAINTEXT://%s,CONTROLLER://127.0.0.1:%s", s.Addr, controller)
	write(tb, config, strings.Join(append(defaults(s.Dir, listeners, controller), properties(listeners)...), "\n"))
	write(tb, filepath.Join(s.Dir, "log4j2.properties"), logging)
	java := []string{
		"java", "-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto",
		"-Dlog4j2.configurationFile=" + filepath.Join(s.Dir, "log4j2.properties"), "-cp", filepath.Join(jars, "*"),
	}
	s.command = append(slices.Clone(java), "kafka.Kafka", config)
	s.tool = func(ctx context.Context, args []string) *exec.Cmd { return kafkaTool(ctx, jars, s.Addr, args) }

	const cluster = "dmFsZW5jZS1mb3ItdGVzdA" // 16 bytes in base64
	tool := slices.Concat(java[1:], []string{"kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", config}, format)
	if out, err := exec.CommandContext(tb.Context(), java[0], tool...).CombinedOutput(); err != nil { //nolint:gosec // G204: the server that tests are for
		tb.Fatalf("format the folder of Kafka: %v\n%s", err, tail(string(out)))
	}
	return s.launch()
}

func defaults(dir, listeners, controller string) []string {
	return []string{
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.bootstrap.servers=127.0.0.1:" + controller,
		"controller.listener.names=CONTROLLER",
		"listeners=" + listeners,
		"advertised.listeners=" + listeners,
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"log.dirs=" + filepath.Join(dir, "data"),
		"auto.create.topics.enable=false",
		"num.partitions=1",
		// One broker holds the only copy of everything.
		"default.replication.factor=1",
		"offsets.topic.replication.factor=1",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"share.coordinator.state.topic.replication.factor=1",
		"share.coordinator.state.topic.min.isr=1",
		"offsets.topic.num.partitions=4",
		"transaction.state.log.num.partitions=2",
		"share.coordinator.state.topic.num.partitions=1",
		// Back 7 s after a crash instead of 15, and groups that form at once.
		"broker.session.timeout.ms=3000",
		"broker.heartbeat.interval.ms=500",
		"group.initial.rebalance.delay.ms=0",
		"group.min.session.timeout.ms=1000",
		// Old segments and keys go while a test looks on.
		"log.retention.check.interval.ms=1000",
		"log.cleaner.backoff.ms=500",
		"log.cleaner.dedupe.buffer.size=2097152",
	}
}

const logging = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %p %m (%c{1})%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`

// kafkaTool runs a console tool of Kafka. The JVM is told to start fast.
func kafkaTool(ctx context.Context, jars, addr string, args []string) *exec.Cmd {
	all := []string{"-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(jars, "*")}
	if len(args) > 0 {
		all = append(all, "org.apache.kafka.tools."+args[0], "--bootstrap-server", addr)
		all = append(all, args[1:]...)
	}
	cmd := exec.CommandContext(ctx, "java", all...) //nolint:gosec // G204: the tools that tests are for
	cmd.Stderr = os.Stderr
	return cmd
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	check(tb, os.WriteFile(path, []byte(text), 0o600)) //nolint:gosec // G703: a folder of the test
}
