#!/usr/bin/env bash
# Gets what building and running valence needs and this machine lacks:
#   - a C compiler, pkg-config, FFmpeg's libraries and libopus (Debian packages, verified by the archive's signatures)
#   - the ONNX Runtime shared library (pinned by version and hash, cached)
# Run again it does nothing. Nothing is written into the tree.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

packages=(pkg-config libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libswresample-dev libopus-dev)
by_hand="install by hand: Go 1.26, gcc, pkg-config and the development files of libopus and FFmpeg 5.1 to 6.1 (on Debian: ${packages[*]})"

libraries_ok() {
  command -v pkg-config >/dev/null && command -v gcc >/dev/null &&
    pkg-config --exists 'libavformat >= 59.27' 'libavformat < 61' 'libavcodec >= 59.37' 'libavcodec < 61' \
      'libavutil >= 57.28' 'libswscale >= 6.7' 'libswresample >= 4.7' 'opus >= 1.3'
}

install_packages() {
  libraries_ok && return
  command -v apt-get >/dev/null || die "this system has no apt-get; $by_hand."
  local root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || die "no root here; $by_hand."
    root=(sudo -n)
  fi
  local log="$VALENCE_CACHE/apt.log"
  mkdir -p "$VALENCE_CACHE"
  say "installing ${packages[*]} (log: $log)"
  # Two tries: the first with the package lists as they are, the second with fresh ones.
  if ! DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends gcc libc6-dev "${packages[@]}" >"$log" 2>&1; then
    { "${root[@]}" apt-get update -q &&
      DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends gcc libc6-dev "${packages[@]}"; } >>"$log" 2>&1 ||
      die "apt-get could not install the packages ($(tail -n 1 "$log")); $by_hand."
  fi
  libraries_ok || die "the FFmpeg or libopus found here is of another version (libavcodec $(pkg-config --modversion libavcodec 2>/dev/null || echo none), opus $(pkg-config --modversion opus 2>/dev/null || echo none)); $by_hand."
}

command -v go >/dev/null || die "Go is missing; install Go $(sed -n 's/^go //p' "$here/../go.mod") or newer from your system or go.dev."
install_packages
"$here/setup-onnxruntime.sh" >/dev/null
