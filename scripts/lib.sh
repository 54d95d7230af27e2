# Shared by the set-up scripts: where things are cached and how to speak.
# Sourced, not run.

# Everything that is downloaded or built outside the tree goes here.
VALENCE_CACHE="${VALENCE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/valence}"
export VALENCE_CACHE

# say tells what happens; stdout stays free for results.
say() { printf '==> %s\n' "$*" >&2; }

# die ends with one sentence that says what to do.
die() {
  printf 'valence set-up: %s\n' "$*" >&2
  exit 1
}

# python_environment NAME REQUIREMENTS SIZE makes $VALENCE_CACHE/NAME-<hash of the requirements> and prints the path of its
# python as the last line of stdout. Every package is pinned by version and hash, for one Python on one system. A finished
# environment is used as it is, one that was broken off is finished; calls at the same time wait for the first.
python_environment() {
  local name=$1 requirements=$2 size=$3 digest venv base
  digest=$(sha256sum "$requirements")
  venv=$VALENCE_CACHE/$name-${digest:0:12}
  mkdir -p "$VALENCE_CACHE"
  exec 9>"$venv.lock"
  if command -v flock >/dev/null 2>&1; then flock 9; fi
  if [ ! -e "$venv/complete" ]; then
    [ "$(uname -sm)" = "Linux x86_64" ] ||
      die "the packages in $requirements are pinned for Linux on x86-64; on another system install them by hand."
    base=$(command -v python3.11 || command -v python3) ||
      die "Python is missing; install Python 3.11 with its venv module (on Debian: python3-venv)."
    [ "$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = 3.11 ] ||
      die "$base is not Python 3.11, for which the packages in $requirements are pinned; install Python 3.11 with its venv module."
    say "making $venv ($size to download)"
    "$base" -m venv "$venv" >&2 ||
      die "$base cannot make an environment; install its venv module (on Debian: python3-venv)."
    "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
      -r "$requirements" >&2 || die "pip could not install $requirements; check the network and run this again."
    touch "$venv/complete"
  fi
  exec 9>&-
  printf '%s\n' "$venv/bin/python"
}
