#!/usr/bin/env bash
# Makes the demo call anew (some minutes). The four files that it writes are
# committed, so that nobody has to: see README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../scripts/lib.sh"

for tool in ffmpeg espeak-ng python3; do
  command -v "$tool" >/dev/null || die "$tool is missing; install it (on Debian: apt-get install ffmpeg espeak-ng python3-venv)."
done
env="$VALENCE_CACHE/demo-venv"
if [ ! -x "$env/bin/python" ]; then
  python3 -m venv "$env.new"
  "$env.new/bin/pip" install -q numpy==2.4.6 pillow==13.0.0
  rm -rf "$env" && mv "$env.new" "$env"
fi
exec "$env/bin/python" "$here/make.py"
