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
