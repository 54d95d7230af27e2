#!/usr/bin/env bash
# Makes the clips of this folder from the demo call, by ffmpeg: three sizes of
# one picture, for simulcast, and one clip for each other codec.
# A key frame comes every second.
set -euo pipefail
cd "$(dirname "$0")"
call=../../../../demo/call.webm
common=(-v error -y -ss 2 -t 4 -i "$call" -r 15 -an)
for layer in q:160:60k h:320:120k f:640:250k; do
  IFS=: read -r rid width rate <<<"$layer"
  ffmpeg "${common[@]}" -vf "scale=$width:-2" -c:v libvpx -b:v "$rate" -g 15 -deadline realtime "layer-$rid.webm"
done
ffmpeg -v error -y -ss 2 -t 4 -i "$call" -r 15 -c:a libopus -b:a 24k -c:v libvpx -b:v 150k -g 15 -deadline realtime talk.webm
ffmpeg "${common[@]}" -vf scale=320:-2 -c:v libx264 -profile:v baseline -b:v 120k -g 15 -bf 0 h264.mp4
ffmpeg "${common[@]}" -vf scale=320:-2 -c:v libvpx-vp9 -b:v 120k -g 15 -deadline realtime -cpu-used 8 vp9.webm
