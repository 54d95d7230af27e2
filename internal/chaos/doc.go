// Package chaos kills, freezes and starves the parts of a running valence and
// shows that no score is lost and none is said in two ways. Its tests have the
// build tag servers: they run bin/valence as workers beside a real Apache Kafka
// and a real Redis. make test-servers runs one short round of everything, make
// chaos as many as one likes; docs/reliability.md has the figures.
package chaos
