#!/usr/bin/env bash
# Makes a Python environment for examples/: $VALENCE_CACHE/examples-<hash of scripts/examples-requirements.txt>.
#
# A finished environment is used as it is, one that was broken off is made anew. Every package is pinned by version and
# hash. Progress goes to stderr; the last line of stdout is the path of the environment's python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

requirements=$here/examples-requirements.txt
digest=$(sha256sum "$requirements")
venv=$VALENCE_CACHE/examples-${digest:0:12}
python=$venv/bin/python

install() {
  [ ! -e "$venv/complete" ] || return 0 # another call made it while this one waited
  [ "$(uname -sm)" = "Linux x86_64" ] || die "the packages of the examples are pinned for Linux on x86-64."
  local base
  base=$(command -v python3.11 || command -v python3) ||
    die "Python is missing; install Python 3.11 with its venv module (on Debian: python3-venv)."
  [ "$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = 3.11 ] ||
    die "$base is not Python 3.11, for which the packages of the examples are pinned."
  say "making $venv (30 MB to download)"
  rm -rf "$venv"
  "$base" -m venv "$venv" >&2 ||
    die "$base cannot make an environment; install its venv module (on Debian: python3-venv)."
  "$python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
    -r "$requirements" >&2 || die "pip could not install $requirements; check the network and run this again."
  touch "$venv/complete"
}

if [ ! -e "$venv/complete" ]; then
  mkdir -p "$VALENCE_CACHE"
  exec 9>"$venv.lock"
  if command -v flock >/dev/null 2>&1; then flock 9; fi
  install
fi
printf '%s\n' "$python"
