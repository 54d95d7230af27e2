#!/usr/bin/env bash
# Scores the call that ships with the repository and says where to look.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p out/demo
people=(--participant maya=demo/call.webm --transcript maya=demo/call.vtt)
if [ -f demo/guest.webm ]; then
  people+=(--participant leo=demo/guest.webm --transcript leo=demo/guest.vtt)
fi
bin/valence replay "${people[@]}" --session demo --output out/demo/events.jsonl --report out/demo/report.html
printf '\n  %s events   out/demo/events.jsonl   one JSON line per window\n' "$(wc -l <out/demo/events.jsonl)"
printf '  the call     out/demo/report.html    open it in a browser\n\n'
