#!/usr/bin/env bash
# Gets what the tests in a real browser need and this machine lacks:
#   - Chromium (a Debian package, verified by the archive's signatures)
#   - axe-core (npm, pinned by version and hash, cached)
# Run again it does nothing. Nothing is written into the tree. Prints two lines for the shell: E2E_CHROMIUM=..., E2E_AXE=...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

axe_version=4.14.1
axe_sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
by_hand="install by hand: Chromium as 'chromium' in the PATH (or name it in E2E_CHROMIUM), and node with npm"

chromium=${E2E_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$chromium" ]; then
  command -v apt-get >/dev/null || die "this system has no apt-get; $by_hand."
  root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || die "no root here; $by_hand."
    root=(sudo -n)
  fi
  mkdir -p "$VALENCE_CACHE"
  log="$VALENCE_CACHE/apt-chromium.log"
  say "installing Chromium (log: $log)"
  if ! DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends chromium >"$log" 2>&1; then
    { "${root[@]}" apt-get update -q &&
      DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends chromium; } >>"$log" 2>&1 ||
      die "apt-get could not install Chromium ($(tail -n 1 "$log")); $by_hand."
  fi
  chromium=$(command -v chromium)
fi

axe="$VALENCE_CACHE/axe-core-$axe_version/axe.min.js"
if [ ! -f "$axe" ]; then
  command -v npm >/dev/null || die "npm is missing; $by_hand."
  say "fetching axe-core $axe_version"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && npm pack --silent "axe-core@$axe_version" >/dev/null)
  echo "$axe_sha512  $work/axe-core-$axe_version.tgz" | sha512sum --check --quiet - ||
    die "axe-core $axe_version is not the file that was checked; do not use it."
  tar -xzf "$work/axe-core-$axe_version.tgz" -C "$work" package/axe.min.js package/LICENSE
  mkdir -p "$(dirname "$axe")"
  mv "$work/package/LICENSE" "$(dirname "$axe")/"
  mv "$work/package/axe.min.js" "$axe"
fi
printf 'E2E_CHROMIUM=%q\nE2E_AXE=%q\n' "$chromium" "$axe"
