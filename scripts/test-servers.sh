#!/usr/bin/env bash
# Tests against real servers: Apache Kafka and Redis, started by the tests on free ports of this machine and ended by them.
# Gets both where they are missing. Arguments go to go test instead of the packages: scripts/test-servers.sh -run Restart ./sink/redis
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
cd "$here/.."
kafka=$("$here/setup-kafka.sh" | tail -n 1)
redis=$("$here/setup-redis.sh" | tail -n 1)
export TEST_KAFKA_JARS=$kafka TEST_REDIS_SERVER=$redis
# Only tests that need a server: the others are what make test runs.
mapfile -t files < <(grep -rlE --include='*_test.go' '^//go:build .*\bservers\b' .)
[ "${#files[@]}" -gt 0 ] || die "no test of this tree has the build tag servers."
if [ "$#" = 0 ]; then
  mapfile -t packages < <(dirname "${files[@]}" | sort -u)
  names=$(sed -nE 's/^func (Test[A-Za-z0-9_]+)\(.*/\1/p' "${files[@]}" | sort -u | paste -sd '|')
  say "tests with real servers: ${packages[*]}"
  go vet -tags servers "${packages[@]}"
  set -- -race -run "^($names)\$" "${packages[@]}"
fi
go test -tags servers -count=1 -timeout 30m "$@"
