"""Publishes a file by WHIP with GStreamer (1.22 or newer) and its webrtcbin.

    python3 publish.py FILE http://host:8080/whip/SESSION/PARTICIPANT

Debian: apt install python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice gstreamer1.0-plugins-{base,good,bad,ugly}
It states the consent of who is in the file: ask them. webrtcbin offers no address of 127.0.0.1: valence must listen on
another one (VALENCE_INGEST_WEBRTC_UDP=0.0.0.0:8189).
"""

import sys
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

if len(sys.argv) != 3:
    sys.exit(__doc__)
file, url = sys.argv[1:]
Gst.init(None)
pipeline = Gst.parse_launch(f"""
  webrtcbin name=peer bundle-policy=max-bundle
  filesrc location={file} ! decodebin name=in
  in. ! queue ! videoconvert ! x264enc tune=zerolatency key-int-max=25 speed-preset=ultrafast
      ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1
      ! application/x-rtp,media=video,encoding-name=H264,payload=96 ! peer.
  in. ! queue ! audioconvert ! audioresample ! opusenc ! rtpopuspay
      ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.
""")
peer = pipeline.get_by_name("peer")
loop = GLib.MainLoop()
resource = None  # what the server calls this session


def gathered(_peer, _param):
    global resource
    if peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        return
    sdp = peer.get_property("local-description").sdp.as_text()
    request = urllib.request.Request(url, sdp.encode(), {"Content-Type": "application/sdp", "Valence-Consent": "text, audio, video"})
    with urllib.request.urlopen(request) as response:
        resource = urllib.parse.urljoin(url, response.headers["Location"])
        _, message = GstSdp.SDPMessage.new_from_text(response.read().decode())
    answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
    peer.emit("set-remote-description", answer, Gst.Promise.new())


def needed(_peer):
    def made(promise):
        reply = promise.get_reply()  # it owns the offer
        peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    peer.emit("create-offer", None, Gst.Promise.new_with_change_func(made))


def ended(_pad, info):
    """The file is at its end; webrtcbin keeps that to itself."""
    if info.get_event().type == Gst.EventType.EOS:
        GLib.timeout_add_seconds(1, loop.quit)  # what is on its way may arrive
    return Gst.PadProbeReturn.OK


def failed(_bus, message):
    print(message.parse_error(), file=sys.stderr)
    loop.quit()


peer.connect("on-negotiation-needed", needed)
peer.connect("notify::ice-gathering-state", gathered)
peer.sinkpads[0].add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, ended)
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message::error", failed)
pipeline.set_state(Gst.State.PLAYING)
loop.run()
if resource:
    urllib.request.urlopen(urllib.request.Request(resource, method="DELETE"))
pipeline.set_state(Gst.State.NULL)
