#!/usr/bin/env bash
# Makes the Python environment of training/. It takes 5 GB, because PyPI has no torch without CUDA. The last line of stdout
# is the path of its python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
python_environment venv "$here/../training/requirements.txt" "2.5 GB, some minutes"
