#!/usr/bin/env bash
# Troubles of every kind under load, with real servers and bin/valence: scripts/chaos.sh ROUNDS [KIND,...]. The kinds are
# poison, kill, rebalance, broker-away, broker-frozen and redis-away; a round takes half a minute to a minute. Every round
# is a line of out/chaos/rounds.jsonl; the table at the end is that of docs/reliability.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
cd "$here/.."
kafka=$("$here/setup-kafka.sh" | tail -n 1)
redis=$("$here/setup-redis.sh" | tail -n 1)
export TEST_KAFKA_JARS=$kafka TEST_REDIS_SERVER=$redis TEST_VALENCE=$PWD/bin/valence
export CHAOS_ROUNDS=${1:-1} CHAOS_ONLY=${2:-} CHAOS_FULL=1 CHAOS_LOGS=$PWD/out/chaos
mkdir -p out/chaos
go test -tags servers -count=1 -timeout 24h -v -run NothingIsLostAndNothingIsContradicted ./internal/chaos
