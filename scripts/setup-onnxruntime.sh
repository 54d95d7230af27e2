#!/usr/bin/env bash
# Gets the ONNX Runtime shared library: $VALENCE_CACHE/onnxruntime/1.24.1/libonnxruntime.so.
#
# It comes out of the PyPI wheel of the same version, so that Go and Python run the same code. The wheel and the library
# are pinned by hash; a library that is there is left alone. Needs python3 with pip, no root.
# Progress goes to stderr; the last line of stdout is the path of the library.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

version=1.24.1
library=$VALENCE_CACHE/onnxruntime/$version/libonnxruntime.so

machine=$(uname -s)-$(uname -m)
case $machine in
  Linux-x86_64)
    platform=manylinux_2_27_x86_64
    wheel_sha256=1cabe71ca14dcfbf812d312aab0a704507ac909c137ee6e89e4908755d0fc60e
    library_sha256=94ac52f650e195b784587e1cb7d25b4bf074048b50fa9a7127795b2ed34db22e
    ;;
  Linux-aarch64)
    platform=manylinux_2_27_aarch64
    wheel_sha256=86bc43e922b1f581b3de26a3dc402149c70e5542fceb5bec6b3a85542dbeb164
    library_sha256=31d6df98d3a2942ce10472109f988037f330dad6cb1c19e214fd2b1327315ee0
    ;;
  *) die "no ONNX Runtime is pinned for $machine; install ONNX Runtime 1.24 by hand and set inference.library to its shared library." ;;
esac

whole() { printf '%s  %s\n' "$library_sha256" "$library" | sha256sum --check --status 2>/dev/null; }

fetch() {
  whole && return # another set-up was faster
  python3 -m pip --version >/dev/null 2>&1 ||
    die "python3 with pip is missing; install it (on Debian: apt-get install python3-pip) and run this again."

  mkdir -p "${library%/*}"
  work=$(mktemp -d "${library%/*}/.fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say "downloading ONNX Runtime $version (17 MB)"
  printf 'onnxruntime==%s --hash=sha256:%s\n' "$version" "$wheel_sha256" >"$work/requirements.txt"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --python-version 3.11 --platform "$platform" --dest "$work" --requirement "$work/requirements.txt" 2>"$work/log" >&2 ||
    die "pip could not download onnxruntime $version ($(grep -v '^$' "$work/log" | tail -n 1)); check the network or put libonnxruntime.so $version at $library."
  python3 -m zipfile --extract "$work"/*.whl "$work/wheel" || die "the wheel of onnxruntime $version cannot be unpacked; is the disk full?"
  # The wheel has no execute bits; a move within one folder leaves no half library behind.
  chmod 755 "$work/wheel/onnxruntime/capi/libonnxruntime.so.$version"
  mv -f "$work/wheel/onnxruntime/LICENSE" "$work/wheel/onnxruntime/ThirdPartyNotices.txt" "${library%/*}/"
  mv -f "$work/wheel/onnxruntime/capi/libonnxruntime.so.$version" "$library"
  whole || die "the library in the wheel of onnxruntime $version does not have the pinned hash; remove ${library%/*} and run this again."
  say "ready: $library"
}

if ! whole; then
  # Two set-ups at once share one download: the lock is held by file descriptor 9.
  mkdir -p "$VALENCE_CACHE"
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$VALENCE_CACHE/.onnxruntime.lock"
    flock 9
  fi
  fetch
fi
printf '%s\n' "$library"
