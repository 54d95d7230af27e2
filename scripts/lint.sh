#!/usr/bin/env bash
# golangci-lint over the Go code, hadolint over the Dockerfile, bash -n over the scripts.
# The tools are built or downloaded once, pinned by version (Go's checksum
# database, pip's hashes), into the cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
cd "$here/.."

golangci_version=v2.15.0
golangci="$VALENCE_CACHE/golangci-lint-${golangci_version#v}/golangci-lint"
if [ ! -x "$golangci" ]; then
  say "building golangci-lint $golangci_version, once (some minutes)"
  GOBIN=$(dirname "$golangci") GOFLAGS= go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$golangci_version" ||
    die "golangci-lint $golangci_version could not be built; install it by hand as $golangci."
fi

hadolint_env="$VALENCE_CACHE/hadolint-2.15.1"
if [ ! -x "$hadolint_env/bin/hadolint" ]; then
  say "installing hadolint 2.15.1"
  python3 -m venv "$hadolint_env.new" &&
    "$hadolint_env.new/bin/pip" install -q --require-hashes -r "$here/lint-requirements.txt" ||
    die "hadolint could not be installed; it needs python3 with venv and pip."
  rm -rf "$hadolint_env" && mv "$hadolint_env.new" "$hadolint_env"
fi

say "golangci-lint"
"$golangci" run --build-tags e2e,servers ./...
say "hadolint"
"$hadolint_env/bin/hadolint" Dockerfile
say "bash -n"
for script in scripts/*.sh scripts/valence-train .ci/run; do bash -n "$script"; done
