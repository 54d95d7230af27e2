#!/usr/bin/env bash
# Trains the default model anew from ../shared/data (or $VALENCE_DATA). Each
# step goes on where it was stopped. scripts/train.sh --from fusion begins later.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
data=${VALENCE_DATA:-$here/../../shared/data}
[ -d "$data/mosi" ] || die "the training data is not at $data; set VALENCE_DATA to the folder that holds mosi, ravdess, emodb, fer2013 and text (docs/model-card.md says where they come from)."
python=$("$here/setup-training.sh" | tail -n 1)
cd "$here/../training"
exec "$python" -m valence_training.train "$@"
