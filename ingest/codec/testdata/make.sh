#!/usr/bin/env bash
# Makes the small media files beside it; they are committed, so that the tests
# need no encoder. Needs ffmpeg with libx264, libvpx, libopus and libvorbis, and
# a C compiler with libopenh264.
#
# All show the same: half a second of black and silence, then until 1.2 s four
# quarters (white, red; blue, black) and a tone of 440 Hz at half of full scale.
# "hole" has a hole of 3 s after 0.8 s, "leap" one of 10 h, "leaps" of 1.5 h after each frame.
set -euo pipefail
cd "$(dirname "$0")"

quarters="color=white:32x24:r=25[a];color=red:32x24:r=25[b];color=blue:32x24:r=25[c];color=black:32x24:r=25[d];[a][b]hstack[ab];[c][d]hstack[cd];[ab][cd]vstack,trim=duration=0.7,setpts=PTS-STARTPTS"
picture="color=black:64x48:r=25:d=0.5[k];$quarters[q];[k][q]concat,format=yuv420p"
tone="aevalsrc=0.5*sin(2*PI*440*t)*gte(t\,0.5):s=48000:d=1.2"

# make NAME FILTERS-OF-PICTURE OPTIONS...
make() {
  local name=$1 filters=$2
  shift 2
  ffmpeg -v error -y -fflags +bitexact -f lavfi -i "$picture" -f lavfi -i "$tone" -vf "$filters" -flags +bitexact -ac 1 "$@" "$name"
}
video() {
  local name=$1 filters=$2
  shift 2
  make "$name" "$filters" -map 0:v "$@"
}
audio() {
  local name=$1
  shift
  make "$name" null -map 1:a -vn "$@"
}

x264=(-c:v libx264 -preset veryslow -x264-params log-level=none)
make vp8-opus.webm null -c:v libvpx -b:v 60k -c:a libopus -b:a 24k
make vp9-vorbis.webm null -c:v libvpx-vp9 -b:v 60k -c:a libvorbis -q:a 0
make h264-flac.mkv null "${x264[@]}" -c:a flac -ar 16000 -sample_fmt s16
make h264-aac.mp4 null "${x264[@]}" -c:a aac -b:a 32k -metadata creation_time=2024-05-17T09:30:00Z
make h264-aac.mov null "${x264[@]}" -c:a aac -b:a 32k -movflags +faststart
make h264-aac.ts null "${x264[@]}" -c:a aac -b:a 32k
make mpeg1-mp2.mpg null -c:v mpeg1video -b:v 60k -c:a mp2 -b:a 32k -muxrate 150000
make mpeg4-mp3.avi null -c:v mpeg4 -b:v 60k -c:a libmp3lame -b:a 32k
audio pcm.wav -ar 8000
audio stereo.wav -ar 8000 -c:a pcm_u8 -af 'pan=stereo|c0=c0|c1=0*c0'
audio float.wav -ar 4000 -c:a pcm_f32le -af 'aeval=if(lt(t\,0.5)\,0/0\,4*val(0)):c=same'
audio tone.flac -ar 16000 -sample_fmt s16
audio opus.ogg -c:a libopus -b:a 24k
audio vorbis.ogg -c:a libvorbis -q:a 0
audio tone.mp3 -c:a libmp3lame -b:a 32k

video grey.mkv format=gray -c:v ffv1
video rgb.mkv format=rgb24 -c:v ffv1 -pix_fmt bgr0
video ten-bit-444.mkv format=yuv444p10le "${x264[@]}"
video full-range.mkv scale=out_range=full,format=yuvj420p -c:v mjpeg -q:v 3
video bt709.mkv scale=out_color_matrix=bt709 "${x264[@]}" -colorspace bt709
video wide-pixels.mkv setsar=2 "${x264[@]}"
video large.mkv scale=1280:960 "${x264[@]}" -r 10
ffmpeg -v error -y -i h264-aac.mp4 -map 0:v -c copy -metadata:s:v rotate=90 -bitexact turned-90.mp4
ffmpeg -v error -y -i h264-aac.mp4 -map 0:v -c copy -metadata:s:v rotate=180 -bitexact turned-180.mp4
ffmpeg -v error -y -i h264-aac.mp4 -map 0:v -c copy -metadata:s:v rotate=270 -bitexact turned-270.mp4
ffmpeg -v error -y -i tone.mp3 -f lavfi -i color=red:16x16:d=0.04 -map 0 -map 1 -c:a copy -c:v png -disposition:v attached_pic -bitexact cover.mp3
make hole.mkv "setpts='PTS+gte(T,0.8)*3/TB'" -fps_mode passthrough "${x264[@]}" -c:a libopus -b:a 24k -af "asetpts='PTS+gte(T,0.8)*3/TB'"
video leap.mkv "setpts='PTS+gte(T,0.8)*36000/TB'" -fps_mode passthrough "${x264[@]}"
video leaps.mkv "setpts=N*5400/TB" -fps_mode passthrough -c:v ffv1
# Speech, each packet with a copy of the one before (in-band FEC).
ffmpeg -v error -y -ss 2.5 -t 3 -i ../../../demo/call.webm -vn -fflags +bitexact -flags +bitexact -c:a libopus -b:a 24k -application voip -fec 1 -packet_loss 20 -vbr off fec.ogg
ffmpeg -v error -y -f lavfi -i color=black:8200x16:r=5:d=0.4 -c:v ffv1 -bitexact too-wide.mkv

# Live streams: three temporal layers, of which the highest is not referred to; another size; three slices; too large to be live.
moving=(-f lavfi -i testsrc2=160x120:r=25:d=1.2 -pix_fmt yuv420p)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -Wall -o "$work/layers" layers.c -lopenh264
ffmpeg -v error "${moving[@]}" -f rawvideo - | "$work/layers" >"$work/layers.h264"
ffmpeg -v error -y -r 25 -f h264 -i "$work/layers.h264" -c copy -bitexact layers.mkv
ffmpeg -v error -y "${moving[@]}" -c:v libvpx -deadline realtime -cpu-used 8 -error-resilient 1 -b:v 60k -qmin 50 -lag-in-frames 0 \
  -ts-parameters "ts_number_layers=3:ts_target_bitrate=24,40,60:ts_rate_decimator=4,2,1:ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3" -bitexact layers.webm
ffmpeg -v error -y -f lavfi -i testsrc2=160x120:r=25:d=0.2 -pix_fmt yuv420p -c:v libvpx-vp9 -b:v 60k -bitexact wide.webm
ffmpeg -v error -y -f lavfi -i testsrc2=64x48:r=25:d=0.2 -pix_fmt yuv420p -c:v libx264 -preset veryslow -bf 0 -x264-params slices=3:log-level=none -bitexact slices.mkv
ffmpeg -v error -y -f lavfi -i color=black:4112x2320:r=5:d=0.2 "${x264[@]}" -bitexact huge.mkv
ls -l | awk '$5 > 20000 { print "too large:", $9, $5; bad = 1 } END { exit bad }'
