#!/usr/bin/env bash
# Generates api/valence/v1/*.pb.go, and the schemas in api/asyncapi.yaml, from api/valence/v1/*.proto, after buf has found
# nothing to object and nothing that readers of the last accepted schemas (schema.binpb beside them) could not read.
#
# scripts/generate.sh --check writes nothing and fails where something would be written; it fetches no tool.
#
# The tools are cached: buf from npm (pinned by version and hash), protoc-gen-go as go.mod has it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
cd "$here/../api"

buf_version=1.75.0
buf_sha512=606189031d25a4c084eda3168cd38971fa04686fdefa26079d30b8499d0fe5e4b821f7ccaf203d678fdb6f59b5c0d5c0109f004c530464e024ff9c7d544e3b8a
buf=$VALENCE_CACHE/buf-$buf_version/buf
gen_version=$(go list -m -f '{{.Version}}' google.golang.org/protobuf)
gen=$VALENCE_CACHE/protoc-gen-go-${gen_version#v}/protoc-gen-go

check=
[ "${1:-}" != --check ] || check=1

fetch_buf() {
  [ "$(uname -sm)" = "Linux x86_64" ] || die "buf is pinned for Linux on x86-64; put buf $buf_version at $buf."
  command -v npm >/dev/null || die "npm is missing; install Node.js, or put buf $buf_version at $buf."
  say "downloading buf $buf_version (35 MB)"
  local work
  mkdir -p "${buf%/*}"
  work=$(mktemp -d "${buf%/*}/.fetch.XXXXXX")
  (cd "$work" && npm pack --silent "@bufbuild/buf-linux-x64@$buf_version" >/dev/null) ||
    die "npm could not download buf $buf_version; check the network and run this again."
  printf '%s  %s\n' "$buf_sha512" "$work"/*.tgz | sha512sum --check --status ||
    die "the package of buf $buf_version does not have the pinned hash."
  tar -xzf "$work"/*.tgz -C "$work" package/bin/buf
  mv "$work/package/bin/buf" "$buf"
  rm -rf "$work"
}

if [ ! -x "$buf" ] || [ ! -x "$gen" ]; then
  [ -z "$check" ] || die "buf or protoc-gen-go is not here; run scripts/generate.sh once."
  [ -x "$buf" ] || fetch_buf
  [ -x "$gen" ] || { mkdir -p "${gen%/*}" && go build -o "$gen" google.golang.org/protobuf/cmd/protoc-gen-go; }
fi
PATH=${gen%/*}:$PATH

"$buf" lint || die "the schemas are not as they should be; see above."
image=valence/v1/schema.binpb
if [ -e "$image" ]; then
  "$buf" breaking --against "$image" || die "readers of the accepted schemas could not read these; see above. Add a field instead."
fi

out=.
if [ -n "$check" ]; then
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
  mkdir -p "$out/valence/v1"
fi
"$buf" generate -o "$out"
"$buf" build --exclude-source-info -o "$out/$image"
[ -z "$check" ] || for made in "$out"/valence/v1/*; do
  cmp "$made" "${made#"$out/"}" >&2 || die "what is generated from the schemas is stale; run scripts/generate.sh."
done
[ -n "$check" ] || go test . -count=1 -run '^TestTheSchemasAreThoseOfProtobuf$' -update >/dev/null # the schemas in asyncapi.yaml
