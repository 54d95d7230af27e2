// @ts-check
// The page of one person: asks what may be analysed, publishes, and shows what is said of it.
import { attachOverlay } from "./overlay.js";
import { serverClock } from "./clock.js";
import { listen, recogniser, scribe } from "./words.js";
import { publish } from "./whip.js";

const base = new URL("./", location.href);
/** @template {HTMLElement} [T=HTMLInputElement] @param {string} id @returns {T} */
const $ = (id) => /** @type {T} */ (document.getElementById(id));
const boxes = { text: $("text"), audio: $("audio"), video: $("video-consent") };
/** @type {("text" | "audio" | "video")[]} */
const kinds = ["text", "audio", "video"];
const video = /** @type {HTMLVideoElement} */ (/** @type {unknown} */ ($("video")));
const clock = serverClock();

/** A name that nobody else has, and that can be read out. @param {string[]} first @param {string[]} second */
function name(first, second) {
  const number = crypto.getRandomValues(new Uint16Array(3));
  return `${first[number[0] % first.length]}-${second[number[1] % second.length]}-${100 + number[2] % 900}`;
}
const given = new URLSearchParams(location.search);
$("participant").value = given.get("name") || name(["calm", "bright", "quiet", "merry", "brave", "gentle", "swift", "warm"], ["heron", "otter", "linnet", "badger", "marten", "plover", "hare", "wren"]);
$("session").value = given.get("call") || name(["green", "amber", "silver", "blue", "copper", "ivory"], ["harbour", "meadow", "river", "garden", "valley", "orchard"]);
$("host").textContent = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname) ? "this computer" : location.host;

// ---- what the page says

/** @param {string} text @param {"" | "on" | "trouble"} [lamp] */
function tell(text, lamp = "") {
  $("told").textContent = text;
  $("state").className = `state ${lamp}`;
}

// ---- asking the server

/** @param {string} method @param {string} path @param {object} [body] */
async function ask(method, path, body) {
  const token = $("token").value.trim(), sent = Date.now();
  const answer = await fetch(new URL(path, base), {
    method, cache: "no-store", ...(body && { body: JSON.stringify(body) }), keepalive: method === "DELETE",
    headers: { ...(body && { "Content-Type": "application/json" }), ...(token && { Authorization: `Bearer ${token}` }) },
  });
  clock.hear(answer.headers.get("Date"), sent, Date.now());
  if (answer.ok) return;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail || problem.title || `The server answered ${answer.status}.`);
}
const me = () => `v1/sessions/${encodeURIComponent(live?.session ?? "")}/participants/${encodeURIComponent(live?.participant ?? "")}`;

// ---- consent

const consent = () => ({ text: boxes.text.checked, audio: boxes.audio.checked, video: boxes.video.checked });
const agreed = () => kinds.filter((kind) => boxes[kind].checked);
const purpose = () => /** @type {any} */ ($("purpose")).value;

let owed = false; // the server does not know yet what is agreed to

/** Tells the server what is agreed to now. What is withdrawn has stopped here before. */
async function record() {
  if (!live) return;
  owed = true;
  try {
    if (agreed().length) await ask("PUT", `${me()}/consent`, { ...consent(), purpose: purpose() });
    else await ask("DELETE", `${me()}/consent`);
    owed = false;
    if (live) said();
  } catch (error) {
    tell(`The server did not take the change: ${/** @type {Error} */ (error).message}`, "trouble");
  }
}

/** What is shown and allowed follows from the boxes. */
function settle() {
  const general = purpose() === "general";
  for (const kind of /** @type {const} */ (["audio", "video"])) {
    boxes[kind].disabled = !general;
    if (!general) boxes[kind].checked = false;
  }
  $("purpose-why").hidden = general;
  $("speech").hidden = !boxes.text.checked;
  $("withdraw").hidden = !live || !agreed().length;
  if (!boxes.text.checked) hush();
}

// ---- camera and microphone: on only while that is agreed to

/** @type {{audio: MediaStreamTrack | null, video: MediaStreamTrack | null}} */
const tracks = { audio: null, video: null };
const wanted = {
  audio: { audio: { channelCount: 1, echoCancellation: true } },
  video: { video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 15, max: 30 }, facingMode: "user" } },
};

/** @param {"audio" | "video"} kind */
async function device(kind) {
  const on = !!live && boxes[kind].checked;
  if (on === !!tracks[kind]) return;
  if (!on) {
    tracks[kind]?.stop();
    tracks[kind] = null;
  } else {
    let track;
    try {
      if (!navigator.mediaDevices) throw new Error("browsers allow it only to pages that come by https, or from the same computer");
      [track] = (await navigator.mediaDevices.getUserMedia(wanted[kind])).getTracks();
    } catch (error) {
      boxes[kind].checked = false;
      settle();
      throw new Error(`${kind === "audio" ? "The microphone" : "The camera"} cannot be used: ${/** @type {Error} */ (error).message}`);
    }
    if (!live || !boxes[kind].checked || tracks[kind]) return track.stop(); // things have changed meanwhile
    tracks[kind] = track;
    track.addEventListener("ended", () => {
      if (tracks[kind] !== track) return;
      boxes[kind].checked = false;
      changed();
    });
  }
  await live?.publisher?.replace(kind, tracks[kind]);
  if (kind === "video") {
    video.srcObject = tracks.video && new MediaStream([tracks.video]);
    $("empty").hidden = !!tracks.video;
    $("empty").textContent = live ? "The camera is off." : "Your picture appears here. Nothing is sent before you press Start.";
  }
}

async function devices() {
  const troubles = (await Promise.allSettled([device("audio"), device("video")])).filter((r) => r.status === "rejected");
  return troubles.map((r) => /** @type {PromiseRejectedResult} */ (r).reason.message).join(" ");
}

async function changed() {
  settle();
  if (!live) return;
  const trouble = await devices();
  await record();
  if (trouble) tell(trouble, "trouble");
}

// ---- words

let hush = () => {};
let pen = scribe(clock.now, "page");

/** @param {import("./words.js").Segment | null} segment */
function say(segment) {
  if (!segment || !live || !boxes.text.checked) return;
  live.publisher?.say(segment);
  const shown = document.createElement(segment.final ? "span" : "i");
  shown.textContent = segment.text;
  $("heard").replaceChildren(shown);
}

function ears() {
  hush();
  hush = () => {};
  if (!live || !boxes.text.checked || !$("recognise").checked) return;
  const end = listen(pen, say, (why) => {
    hush();
    $("recognise").checked = false;
    tell(`The browser cannot listen (${why}). You can type instead.`, "trouble");
  });
  hush = () => { end(); hush = () => {}; };
}

// ---- start and stop

/** @type {{session: string, participant: string, publisher?: ReturnType<typeof publish>, overlay?: import("./overlay.d.ts").Overlay, link: string} | null} */
let live = null;

function said() {
  const parts = { text: "words", audio: "voice", video: "face" }, list = agreed().map((kind) => parts[kind]);
  if (live?.link === "live") tell(list.length ? `Live. Analysed: ${list.join(", ")}.` : "Connected, but nothing is analysed: you agreed to nothing.", list.length ? "on" : "");
}

async function start() {
  if (!/** @type {HTMLFormElement} */ (/** @type {unknown} */ ($("form"))).reportValidity()) return;
  if (!agreed().length) {
    tell("Tick at least one of words, voice and face first.", "trouble");
    boxes.text.focus();
    return;
  }
  live = { session: $("session").value.trim(), participant: $("participant").value.trim(), link: "connecting" };
  const own = live;
  owed = false;
  pen = scribe(clock.now, crypto.randomUUID().slice(0, 8));
  for (const id of ["session", "participant", "token"]) $(id).disabled = true;
  /** @type {any} */ ($("purpose")).disabled = true;
  $("start").hidden = true;
  for (const id of ["stop", "erase"]) $(id).hidden = false;
  settle();
  tell("Waiting for camera and microphone");
  const trouble = await devices();
  if (live !== own) return;
  if (trouble || !agreed().length) {
    stop();
    return tell(trouble, "trouble");
  }
  try {
    await ask("PUT", `${me()}/consent`, { ...consent(), purpose: purpose() });
  } catch (error) {
    if (live === own) stop();
    return tell(/** @type {Error} */ (error).message, "trouble");
  }
  if (live !== own) return;
  live.overlay = attachOverlay(video, { url: base, session: live.session, participant: live.participant, token: () => $("token").value.trim() });
  live.publisher = publish({
    url: base, session: live.session, participant: live.participant, token: () => $("token").value.trim(),
    headers: () => ({ "Valence-Consent": agreed().join(", ") || "none", "Valence-Purpose": purpose() }),
    talks: () => boxes.text.checked,
    state: (state, why) => {
      if (live !== own) return;
      live.link = state;
      if (state === "connecting") tell("Connecting");
      if (state === "live") said();
      if (state === "live" && owed) record();
      if (state === "reconnecting") tell("Connection lost. Trying again.", "trouble");
      if (state === "refused") {
        stop();
        tell(`The server refused: ${why}`, "trouble");
      }
    },
    complaint: (problem) => tell(`Some words were not taken: ${problem.detail || problem.title}`, "trouble"),
  });
  for (const kind of /** @type {const} */ (["audio", "video"])) live.publisher.replace(kind, tracks[kind]);
  ears();
}

function stop() {
  const was = live;
  live = null;
  hush();
  was?.overlay?.detach();
  was?.publisher?.stop();
  devices();
  for (const id of ["session", "participant", "token"]) $(id).disabled = false;
  /** @type {any} */ ($("purpose")).disabled = false;
  $("start").hidden = false;
  for (const id of ["stop", "erase"]) $(id).hidden = true;
  $("heard").replaceChildren();
  settle();
  tell("Stopped. Nothing is sent any more.");
}

$("start").addEventListener("click", start);
$("stop").addEventListener("click", () => { stop(); $("start").focus(); });
$("withdraw").addEventListener("click", () => {
  for (const kind of kinds) boxes[kind].checked = false;
  $("stop").focus();
  changed();
});
$("erase").addEventListener("click", async () => {
  const path = me();
  stop();
  $("start").focus();
  try {
    await ask("DELETE", path);
    tell("Stopped, and your scores are erased.");
  } catch (error) {
    tell(`Stopped. Your scores were not erased: ${/** @type {Error} */ (error).message}`, "trouble");
  }
});
for (const kind of kinds) boxes[kind].addEventListener("change", changed);
$("purpose").addEventListener("change", settle);
$("recognise").addEventListener("change", ears);
$("form").addEventListener("submit", (event) => event.preventDefault());
const type = () => { say(pen.typed($("words").value)); if (live) $("words").value = ""; };
$("say").addEventListener("click", type);
$("words").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); type(); } });
addEventListener("online", () => live?.publisher?.hurry());
addEventListener("pagehide", () => { if (live) stop(); });

const invite = () => {
  /** @type {HTMLAnchorElement} */ (/** @type {unknown} */ ($("invite"))).href = `?${new URLSearchParams({ call: $("session").value.trim() })}`;
};
$("session").addEventListener("input", invite);
invite();
$("recognise-choice").hidden = !recogniser();
$("no-recognise").hidden = !!recogniser();
settle();
