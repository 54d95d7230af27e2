#!/usr/bin/env bash
# Takes people through bin/valence: a real browser (Chromium) and a WebRTC client that is not ours (aiortc). Installs what
# it needs. Pictures of every page are kept in out/e2e.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
cd "$here/.."
settings=$("$here/setup-browser.sh")
python=$("$here/setup-aiortc.sh" | tail -n 1)
eval "$settings"
export E2E_CHROMIUM E2E_AXE E2E_PYTHON=$python E2E_VALENCE=$PWD/bin/valence
rm -rf out/e2e
go vet -tags e2e ./internal/e2e ./cmd/valence
go test -tags e2e -count=1 -timeout 10m -v ./internal/e2e
say "the demo call, live and recorded (a minute)"
go test -tags e2e -count=1 -timeout 10m -v -run ALiveCallIsScoredAsItsRecordingIs ./cmd/valence
say "pictures: out/e2e"
