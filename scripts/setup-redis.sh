#!/usr/bin/env bash
# Gets redis-server and redis-cli for tests (a Debian package, verified by the archive's signatures), Redis 7 or newer.
# Run again it does nothing. Progress goes to stderr; the last line of stdout is the path of redis-server.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

by_hand="install Redis 7 or newer (or Valkey, as redis-server and redis-cli) by hand and put it in the PATH"

if ! command -v redis-server >/dev/null || ! command -v redis-cli >/dev/null; then
  command -v apt-get >/dev/null || die "this system has no apt-get; $by_hand."
  root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || die "no root here; $by_hand."
    root=(sudo -n)
  fi
  mkdir -p "$VALENCE_CACHE"
  log="$VALENCE_CACHE/apt-redis.log"
  say "installing redis-server (log: $log)"
  if ! DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends redis-server >"$log" 2>&1; then
    { "${root[@]}" apt-get update -q &&
      DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends redis-server; } >>"$log" 2>&1 ||
      die "apt-get could not install redis-server ($(tail -n 1 "$log")); $by_hand."
  fi
fi
version=$(redis-server --version | sed -n 's/.*v=\([0-9]*\).*/\1/p')
[ "${version:-0}" -ge 7 ] || die "the redis-server found here is of version ${version:-unknown}; $by_hand."
command -v redis-server
