// @ts-check
// A small WHIP client (RFC 9725): publishes sound and picture, carries a transcript, and comes back after a break.
import { backOff } from "./overlay.js";

/** @typedef {"connecting" | "live" | "reconnecting" | "refused" | "stopped"} State */

/**
 * The ICE servers of a Link header (RFC 9725, 4.6).
 * @param {string | null} header
 * @returns {RTCIceServer[]}
 */
export function iceServers(header) {
  const servers = [];
  for (const [, urls, rest] of (header || "").matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:\\.|[^"\\])*"|[^\s;,"]+))*)/g)) {
    /** @type {Record<string, string>} */
    const is = {};
    for (const [, name, quoted, bare] of rest.matchAll(/;\s*([\w-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s;,"]+))/g)) is[name.toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? bare;
    if (is.rel?.split(/\s+/).includes("ice-server")) servers.push({ urls, ...(is.username && { username: is.username, credential: is.credential }) });
  }
  return servers;
}

/**
 * The body of a PATCH that brings candidates (RFC 8840).
 * @param {string} sdp the description that they belong to
 * @param {{candidate: string, sdpMid: string | null}[]} candidates
 * @param {boolean} end whether there are no more
 */
export function fragment(sdp, candidates, end) {
  const line = (/** @type {string} */ name) => sdp.match(new RegExp(`^a=${name}:.*$`, "m"))?.[0].trim();
  const mid = candidates.find((c) => c.sdpMid)?.sdpMid ?? line("mid")?.slice(6) ?? "0";
  const media = sdp.match(/^m=.*$/m)?.[0].trim() || "m=audio 9 UDP/TLS/RTP/SAVPF 0";
  return [line("ice-ufrag"), line("ice-pwd"), media, `a=mid:${mid}`, ...candidates.map((c) => `a=${c.candidate}`), ...(end ? ["a=end-of-candidates"] : []), ""].join("\r\n");
}

/** @typedef {{pc: RTCPeerConnection, senders: Record<string, RTCRtpSender>, channel: RTCDataChannel, resource?: URL, gone?: boolean}} Connection */

/**
 * @typedef {object} Options
 * @property {string | URL} url of the server
 * @property {string} session
 * @property {string} participant
 * @property {() => string} token
 * @property {() => Record<string, string>} headers what else the offer is sent with
 * @property {() => boolean} talks whether a transcript may be sent at present
 * @property {(state: State, why?: string) => void} state
 * @property {(problem: any) => void} complaint what the server says of a transcript that it cannot use
 */

/** @param {Options} options */
export function publish({ url, session, participant, token, headers, talks, state, complaint }) {
  const endpoint = new URL(`whip/${encodeURIComponent(session)}/${encodeURIComponent(participant)}`, url);
  const bearer = () => /** @type {Record<string, string>} */ (token() ? { Authorization: `Bearer ${token()}` } : {});
  /** @type {{audio: MediaStreamTrack | null, video: MediaStreamTrack | null}} */
  const tracks = { audio: null, video: null };
  let now = /** @type {Connection | null} */ (null);
  let stopped = false, tries = 0, timer = 0;
  /** @type {string[]} */
  const unsent = [];

  const drop = (/** @type {Connection | null} */ old) => {
    if (!old || old.gone) return;
    old.gone = true;
    old.pc.close();
    if (old.resource) fetch(old.resource, { method: "DELETE", headers: bearer(), keepalive: true }).catch(() => {});
  };
  const again = (/** @type {Connection | null} */ old, wait = backOff(tries++)) => {
    if (stopped || (old && old !== now)) return;
    drop(now);
    now = null;
    state("reconnecting");
    clearTimeout(timer);
    timer = setTimeout(connect, wait);
  };
  const flush = () => {
    while (now?.channel.readyState === "open" && unsent.length) now.channel.send(/** @type {string} */ (unsent.shift()));
  };

  const connect = async () => {
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    /** @type {Record<string, RTCRtpSender>} */
    const senders = {};
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      const transceiver = pc.addTransceiver(tracks[kind] || kind, { direction: "sendonly", ...(kind === "video" && { sendEncodings: [{ maxBitrate: 800_000, maxFramerate: 15 }] }) });
      senders[kind] = transceiver.sender;
      captureTime(transceiver);
    }
    const channel = pc.createDataChannel("transcript");
    const own = /** @type {Connection} */ ({ pc, senders, channel });
    now = own;
    channel.onopen = flush;
    // A connection that brings neither media nor a message is taken for dead.
    const pulse = setInterval(() => {
      if (own.gone) clearInterval(pulse);
      else if (!tracks.audio && !tracks.video && talks() && channel.readyState === "open") channel.send("[]");
    }, 20_000);
    channel.onmessage = (event) => complaint(JSON.parse(event.data));
    let grace = 0;
    pc.onconnectionstatechange = () => {
      clearTimeout(grace);
      if (pc.connectionState === "connected") {
        tries = 0;
        state("live");
      } else if (pc.connectionState === "failed" || pc.connectionState === "closed") again(own);
      else if (pc.connectionState === "disconnected") grace = setTimeout(() => again(own), 3000);
    };
    channel.onclose = () => { if (!own.gone) again(own); };
    try {
      const offer = await pc.createOffer();
      const answer = await fetch(endpoint, { method: "POST", headers: { "Content-Type": "application/sdp", ...bearer(), ...headers() }, body: offer.sdp, cache: "no-store" });
      if (!answer.ok) {
        const problem = await answer.json().catch(() => ({}));
        const why = problem.detail || problem.title || `The server answered ${answer.status}.`;
        if (own.gone || stopped) return;
        if (answer.status < 500 && ![408, 409, 425, 429].includes(answer.status)) {
          stop();
          return state("refused", why);
        }
        return again(own, Math.max(backOff(tries++), 1000 * Number(answer.headers.get("Retry-After") || 0)));
      }
      own.resource = new URL(answer.headers.get("Location") || "", endpoint);
      if (own.gone) return void fetch(own.resource, { method: "DELETE", headers: bearer(), keepalive: true });
      const servers = iceServers(answer.headers.get("Link"));
      if (servers.length) pc.setConfiguration({ ...pc.getConfiguration(), iceServers: servers });
      trickle(own, answer.headers.get("ETag") || "*");
      await pc.setLocalDescription(offer);
      await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
      for (const kind of /** @type {const} */ (["audio", "video"])) await senders[kind].replaceTrack(tracks[kind]);
    } catch (error) {
      if (!own.gone && !stopped) again(own);
    }
  };

  /** Sends candidates as they are found, some at a time. @param {Connection} own @param {string} tag */
  const trickle = (own, tag) => {
    let found = /** @type {RTCIceCandidate[]} */ ([]), end = false, waiting = 0;
    const send = () => {
      const body = fragment(own.pc.localDescription?.sdp || "", found, end);
      waiting = 0;
      found = [];
      if (!own.gone) fetch(/** @type {URL} */ (own.resource), { method: "PATCH", headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": tag, ...bearer() }, body }).catch(() => {});
    };
    own.pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) found.push(candidate);
      else end = true;
      waiting ||= setTimeout(send, 50);
    };
  };

  const stop = () => {
    stopped = true;
    clearTimeout(timer);
    drop(now);
    now = null;
  };

  state("connecting");
  connect();
  return {
    /** Sends another track of a kind, or none. @param {"audio" | "video"} kind @param {MediaStreamTrack | null} track */
    async replace(kind, track) {
      tracks[kind] = track;
      await now?.senders[kind]?.replaceTrack(track);
    },
    /** Sends a message of the transcript, as soon as there is a connection. @param {object} message */
    say(message) {
      unsent.push(JSON.stringify(message));
      unsent.splice(0, unsent.length - 50);
      flush();
    },
    /** Tries at once, where it would have waited. */
    hurry() { if (!now && !stopped) again(null, 0); },
    stop() {
      stop();
      state("stopped");
    },
  };
}

/** Asks for capture times in the stream, where the browser can. @param {any} transceiver */
function captureTime(transceiver) {
  const all = transceiver.getHeaderExtensionsToNegotiate?.();
  if (!all) return;
  for (const extension of all) if (extension.uri.endsWith("/abs-capture-time")) extension.direction = "sendrecv";
  try {
    transceiver.setHeaderExtensionsToNegotiate(all);
  } catch { /* sender reports do as well */ }
}
