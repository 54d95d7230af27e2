#!/usr/bin/env bash
# Makes a Python environment with aiortc, a WebRTC stack that is not ours, for tests. The last line of stdout is the path
# of its python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
python_environment aiortc "$here/aiortc-requirements.txt" "50 MB"
