#!/usr/bin/env bash
# Gets Apache Kafka for tests: $VALENCE_CACHE/kafka-<hash of scripts/kafka/SHA256SUMS>/*.jar.
#
# The jars come from Maven, pinned by version in scripts/kafka/pom.xml; exactly those of scripts/kafka/SHA256SUMS are
# accepted. A folder that is finished is used as it is. Needs Java 17 or newer and Maven, no root.
# Progress goes to stderr; the last line of stdout is the folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

sums=$here/kafka/SHA256SUMS
digest=$(sha256sum "$sums")
jars=$VALENCE_CACHE/kafka-${digest:0:12}

java_ok() {
  command -v java >/dev/null || return 1
  local version
  version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${version:-0}" -ge 17 ]
}

whole() { # the folder $1 holds the jars of the list and no others
  (cd "$1" && [ "$(find . -name '*.jar' | wc -l)" = "$(wc -l <"$sums")" ] && sha256sum --check --status "$sums")
}

fetch() {
  [ ! -e "$jars/complete" ] || return 0 # another set-up made it while this one waited
  command -v mvn >/dev/null || die "Maven is missing; install it (on Debian: apt-get install maven) and run this again."
  work=$(mktemp -d "$VALENCE_CACHE/.kafka.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say "downloading Apache Kafka (45 MB)"
  mvn --quiet --batch-mode --file "$here/kafka/pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$work/jars" -DincludeScope=runtime >"$work/log" 2>&1 </dev/null ||
    die "Maven could not download Apache Kafka ($(grep -m 1 ERROR "$work/log" || tail -n 1 "$work/log")); check the network and run this again."
  whole "$work/jars" || die "the jars of Apache Kafka are not those of $sums; do not use them."
  touch "$work/jars/complete"
  rm -rf "$jars"
  mv "$work/jars" "$jars"
}

java_ok || die "Java 17 or newer is missing; install it (on Debian: apt-get install openjdk-17-jre-headless) and run this again."
if [ ! -e "$jars/complete" ]; then
  # Two set-ups at once share one download: the lock is held by file descriptor 9.
  mkdir -p "$VALENCE_CACHE"
  exec 9>"$VALENCE_CACHE/.kafka.lock"
  if command -v flock >/dev/null 2>&1; then flock 9; fi
  fetch
fi
printf '%s\n' "$jars"
