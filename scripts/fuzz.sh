#!/usr/bin/env bash
# Runs each fuzz target for a while; what it finds is kept under testdata/fuzz
# and becomes a test. FUZZTIME=10s scripts/fuzz.sh for a short round.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r package; do
  grep -hEo '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | sed 's/func //' | while read -r target; do
    echo "==> $package $target" >&2
    go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}" -fuzzminimizetime 1s </dev/null
  done
done
