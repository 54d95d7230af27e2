#!/usr/bin/env bash
# Makes a Python environment for examples/. The last line of stdout is the path of its python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
python_environment examples "$here/examples-requirements.txt" "30 MB"
