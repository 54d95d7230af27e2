"""A WebRTC peer made with aiortc: a WHEP server or a WHIP publisher of a media file, on the loopback.

    peer.py serve FILE           prints the URL of its WHEP endpoint
    peer.py publish FILE URL     prints "connected"; VALENCE_CONSENT is sent as Valence-Consent

It ends when its standard input does. What it says on standard output is one line each.
"""

import asyncio
import http.server
import os
import sys
import threading
import urllib.parse
import urllib.request

import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer

aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
# From an encoded file: aiortc decodes it and encodes it anew, in real time.
FILE = sys.argv[2]


def say(line):
    print(line, flush=True)


def add_tracks(pc, player):
    for track in (player.audio, player.video):
        if track is not None:
            pc.addTrack(track)


async def answer(offer, sessions):
    pc = RTCPeerConnection()
    await pc.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
    player = MediaPlayer(FILE, loop=True)
    add_tracks(pc, player)
    await pc.setLocalDescription(await pc.createAnswer())
    name = str(len(sessions) + 1)
    sessions[name] = pc, player
    return name, pc.localDescription.sdp


class WHEP(http.server.BaseHTTPRequestHandler):
    loop = None
    sessions = {}

    def do_POST(self):
        offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
        name, sdp = asyncio.run_coroutine_threadsafe(answer(offer, self.sessions), self.loop).result()
        self.send_response(201)
        self.send_header("Content-Type", "application/sdp")
        self.send_header("Location", "/whep/" + name)
        self.send_header("Content-Length", str(len(sdp)))
        self.end_headers()
        self.wfile.write(sdp.encode())

    def do_DELETE(self):
        pc, _ = self.sessions.pop(self.path.rsplit("/", 1)[1])
        asyncio.run_coroutine_threadsafe(pc.close(), self.loop).result()
        say("deleted")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


async def serve():
    WHEP.loop = asyncio.get_running_loop()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), WHEP)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(f"http://127.0.0.1:{server.server_port}/whep")
    await input_ends()
    server.shutdown()
    for pc, _ in list(WHEP.sessions.values()):
        await pc.close()


def ask(method, url, body=None):
    headers = {"Content-Type": "application/sdp", "Valence-Consent": os.environ.get("VALENCE_CONSENT", "none")}
    request = urllib.request.Request(url, data=body and body.encode(), method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.headers, response.read().decode()


async def publish(url):
    pc = RTCPeerConnection()
    connected = asyncio.Event()

    @pc.on("connectionstatechange")
    def changed():
        if pc.connectionState == "connected":
            connected.set()

    player = MediaPlayer(FILE, loop=True)
    add_tracks(pc, player)
    await pc.setLocalDescription(await pc.createOffer())
    headers, sdp = await asyncio.to_thread(ask, "POST", url, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
    await connected.wait()
    say("connected")
    await input_ends()
    await asyncio.to_thread(ask, "DELETE", urllib.parse.urljoin(url, headers["Location"]))
    say("deleted")
    await pc.close()


async def input_ends():
    await asyncio.to_thread(sys.stdin.read)


if sys.argv[1] == "serve":
    asyncio.run(serve())
else:
    asyncio.run(publish(sys.argv[3]))
