#!/usr/bin/env bash
# Runs the experiments and writes docs/results.md; what was run before is not run again. The packages of peers go into
# $VALENCE_CACHE/experiments-<hash of training/requirements-experiments.txt>. Arguments: see
# scripts/experiments.sh --help.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
python=$("$here/setup-training.sh" | tail -n 1)

requirements=$here/../training/requirements-experiments.txt
digest=$(sha256sum "$requirements")
packages=$VALENCE_CACHE/experiments-${digest:0:12}
if [ ! -e "$packages/complete" ]; then
  say "installing the peers' models and VADER into $packages"
  "$python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
    --upgrade --target "$packages" -r "$requirements" >&2 ||
    die "pip could not install $requirements; check the network and run this again."
  touch "$packages/complete"
fi

cd "$here/../training"
export PYTHONPATH=$packages OMP_NUM_THREADS=1
exec "$python" -m valence_training.experiments "$@"
