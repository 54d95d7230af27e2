#!/usr/bin/env bash
# Tests, ruff and mypy of training/, in its pinned environment.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/setup-training.sh" | tail -n 1)
cd "$here/../training"
"$python" -m ruff check .
"$python" -m ruff format --check .
"$python" -m mypy
"$python" -m pytest
