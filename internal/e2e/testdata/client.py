"""A client that shares no code with valence: publishes a file by WHIP (RFC 9725) with aiortc, reads scores by SSE.

usage: client.py http://127.0.0.1:8080 SESSION PARTICIPANT FILE HOW_MANY

Prints each event as a line of JSON until there were so many, then ends what it published.
"""

import asyncio
import http.client
import json
import sys
from urllib.parse import quote, urljoin, urlsplit

import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer

# aioice leaves the loopback out, and a machine may have nothing else.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def ask(base: str, method: str, path: str, body: str | None = None, **headers: str) -> http.client.HTTPResponse:
    """Sends a request and returns the response, whose body may still be to come."""
    where = urlsplit(base)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def events(base: str, session: str, many: int) -> None:
    """Prints so many events of a session."""
    response = ask(base, "GET", f"/v1/sessions/{quote(session)}/events", Accept="text/event-stream")
    if response.status != 200:
        raise SystemExit(f"the events were refused: {response.status} {response.read().decode()}")
    kind, seen = "message", 0
    while seen < many:
        line = response.readline().decode().rstrip("\n")
        field, _, value = line.partition(": ")
        if line == "":
            kind = "message"
        elif field == "event":
            kind = value
        elif field == "data" and kind == "message":
            print(json.dumps(json.loads(value)), flush=True)
            seen += 1
    response.close()


async def main(base: str, session: str, participant: str, file: str, many: int) -> None:
    """Publishes, waits for the events, and ends."""
    player = MediaPlayer(file)
    peer = RTCPeerConnection()
    peer.addTrack(player.audio)
    peer.addTrack(player.video)
    await peer.setLocalDescription(await peer.createOffer())
    answer = ask(
        base,
        "POST",
        f"/whip/{quote(session)}/{quote(participant)}",
        peer.localDescription.sdp,
        Content_Type="application/sdp",
        Valence_Consent="audio, video",
    )
    body = answer.read().decode()
    if answer.status != 201:
        raise SystemExit(f"the offer was refused: {answer.status} {body}")
    resource = urljoin(f"/whip/{quote(session)}/{quote(participant)}", answer.getheader("Location"))
    await peer.setRemoteDescription(RTCSessionDescription(body, "answer"))
    await asyncio.get_running_loop().run_in_executor(None, events, base, session, many)
    ended = ask(base, "DELETE", resource)
    await peer.close()
    if ended.status != 200:
        raise SystemExit(f"the resource was not ended: {ended.status}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
