#!/usr/bin/env bash
# Makes the Python environment of training/ in the cache: $VALENCE_CACHE/venv-<hash of requirements.txt>.
#
# Another requirements.txt gives another environment; a finished one is used as it is, one that was broken off is
# finished. Every package is pinned by version and hash. It takes 5 GB, because PyPI has no torch without CUDA.
# Progress goes to stderr; the last line of stdout is the path of the environment's python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

requirements=$here/../training/requirements.txt
digest=$(sha256sum "$requirements")
venv=$VALENCE_CACHE/venv-${digest:0:12}
python=$venv/bin/python

install() {
  [ ! -e "$venv/complete" ] || return 0 # another call made it while this one waited
  [ "$(uname -sm)" = "Linux x86_64" ] ||
    die "the packages for training are pinned for Linux on x86-64; on another system install training/requirements.in by hand."
  local base
  base=$(command -v python3.11 || command -v python3) ||
    die "Python is missing; install Python 3.11 with its venv module (on Debian: python3-venv)."
  [ "$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = 3.11 ] ||
    die "$base is not Python 3.11, for which the packages of training are pinned; install Python 3.11 with its venv module."
  say "making $venv (2.5 GB to download, some minutes)"
  "$base" -m venv "$venv" >&2 ||
    die "$base cannot make an environment; install its venv module (on Debian: python3-venv)."
  "$python" -m pip install --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
    -r "$requirements" >&2 || die "pip could not install training/requirements.txt; check the network and run this again."
  touch "$venv/complete"
}

if [ ! -e "$venv/complete" ]; then
  mkdir -p "$VALENCE_CACHE"
  exec 9>"$venv.lock"
  if command -v flock >/dev/null 2>&1; then flock 9; fi
  install
fi
say "training's environment is ready: $venv"
printf '%s\n' "$python"
