// What valence says of a person, over any <video>; types and prose are in overlay.d.ts.
//   import { attachOverlay } from "https://valence.example.com/overlay.js";
//   attachOverlay(video, { session: "call-17", participant: "alice", token });
const SPAN = 6e4, SILENCE = 45e3, QUIET = 1e4, HOLE = 2500;
const STREAMS = { text: "Words", audio: "Voice", video: "Face" };
const REASONS = {
  muted: "switched off", no_track: "not sent", no_face: "no face in the picture", no_words: "nothing said", no_speech: "no speech", lost: "lost on the way",
  no_consent: "no consent", policy: "left out on request", shed: "left out under load", pending: "still to come",
};

export const signed = (x) => (x >= 0.005 ? "+" : x <= -0.005 ? "−" : "") + Math.abs(x).toFixed(2);
export const because = (reason) => (reason ? REASONS[reason] || reason.replaceAll("_", " ") : "absent");

// The pause before the next try, in ms.
export const backOff = (tries, random = Math.random()) => Math.min(500 * 2 ** tries, 15e3) * (0.75 + random / 2);

// Takes an event stream in pieces; calls back with each message.
export function parser(done) {
  let rest = "", type = "event", id = "", data = [];
  return (piece) => {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const [, field, value = ""] = /^([^:\r]*)(?:: ?(.*?))?\r?$/.exec(line);
      if (field === "event") type = value;
      else if (field === "id") id = value;
      else if (field === "data") data.push(value);
      else if (!field && !line.startsWith(":")) {
        if (data.length) done({ type, id, data: data.join("\n") });
        type = "event";
        data = [];
      }
    }
  };
}

export function follow({ url = new URL(".", import.meta.url), session, participant, token, last = "0", message, state = () => {} }) {
  let tries = 0, stopped = false, part, timer;
  const end = () => part.abort();
  const patient = () => { clearTimeout(timer); timer = setTimeout(end, SILENCE); };
  const once = async () => {
    const query = new URLSearchParams({ last_event_id: last, ...(participant && { participant }) }), key = typeof token === "function" ? await token() : token;
    const answer = await fetch(new URL(`v1/sessions/${encodeURIComponent(session)}/events?${query}`, new URL(url, location.href)), {
      headers: key ? { Authorization: `Bearer ${key}` } : {}, signal: part.signal,
    });
    if (answer.status > 399 && answer.status < 405) return answer.status;
    if (!answer.ok) return 0;
    state("open");
    const body = answer.body.pipeThrough(new TextDecoderStream()).getReader(), read = parser((m) => {
      last = m.id || last;
      message(m.type, JSON.parse(m.data));
    });
    for (let piece; !(piece = await body.read()).done; tries = 0) {
      patient();
      read(piece.value);
    }
  };
  addEventListener("pagehide", end); // a page kept for "back" must not hold a connection
  (async () => {
    while (!stopped) {
      part = new AbortController();
      patient();
      const refused = await once().catch(() => 0);
      if (stopped) return;
      if (refused) return state("refused", refused);
      state("reconnecting");
      await new Promise((go) => setTimeout(go, backOff(tries++)));
    }
  })();
  return () => {
    stopped = true;
    clearTimeout(timer);
    removeEventListener("pagehide", end);
    end();
  };
}

// The overlays of one call share a stream: browsers open few connections to a server.
const hubs = new Map();
function join(options, own) {
  const key = `${options.url} ${options.session}`, hub = hubs.get(key) || { all: new Set(), end() {} };
  hubs.set(key, hub);
  hub.all.add(own);
  hub.end();
  clearTimeout(hub.timer);
  hub.timer = setTimeout(() => {
    const one = [...hub.all].every((o) => o.participant === own.participant);
    hub.end = follow({
      ...options, participant: one && own.participant,
      message: (type, data) => hub.all.forEach((o) => (type === "lost" || data.participant === o.participant) && o.message(type, data)),
      state: (to) => hub.all.forEach((o) => o.state(to)),
    });
  });
  return () => {
    hub.all.delete(own);
    if (hub.all.size) return;
    clearTimeout(hub.timer);
    hub.end();
    hubs.delete(key);
  };
}

// What is known of one person, and what to say of it; times in ms.
export function reading(who) {
  let state = "waiting", link = "connecting", lost = 0, lostAt = -QUIET, event, reasons;
  const points = new Map();
  return {
    link: (to) => { link = to; },
    take(type, data, now) {
      if (type === "lost") {
        lost = (now - lostAt < QUIET ? lost : 0) + data.provisional + data.final;
        lostAt = now;
      } else if (type === "status") {
        ({ state, reasons } = data);
        if (state === "erased") event = points.clear();
      } else if (type === "event" && data.window.kind === "sliding") {
        const at = Date.parse(data.window.end), newest = event ? Date.parse(event.window.end) : -Infinity;
        if (points.get(data.id)?.revision >= data.revision) return;
        points.set(data.id, { at, revision: data.revision, score: data.score });
        if (at > newest) state = "scoring";
        if (at >= newest) event = data;
        for (const [id, p] of points) if (p.at <= Math.max(at, newest) - SPAN) points.delete(id);
      }
    },
    view(now) {
      const e = state === "scoring" && link !== "refused" ? event : undefined;
      const behind = now - lostAt < QUIET ? `${lost} update${lost === 1 ? " was" : "s were"} left out: the connection is slow.` : "";
      return {
        state: e?.state, score: e?.score, interval: e?.interval, rolling: event?.rolling.participant,
        number: e ? signed(e.score) : "–", word: e ? e.polarity : state === "no_data" ? "no score" : "",
        note: { connecting: "Connecting.", reconnecting: "Connection lost. Trying again.", refused: "This page may not read the scores." }[link] || {
          waiting: "Listening. The first score takes a few seconds.", no_data: "Nothing to score at the moment.", left: `${who} has left.`, erased: "Erased on request.",
        }[state] || behind,
        streams: Object.entries(STREAMS).map(([key, name]) => {
          const m = e ? e.modalities[key] : { reason: reasons?.[key] || (state === "no_data" ? "" : "pending") };
          return { name, share: m.present ? m.weight : 0, why: m.present ? "" : because(m.reason) };
        }),
        points: [...points.values()].sort((a, b) => a.at - b.at),
      };
    },
  };
}

// The last minute as a path in 100 x 24; missing windows are holes.
export function sparkline(points) {
  const end = points.at(-1)?.at;
  return points.map((p, i) => {
    const on = i && p.at - points[i - 1].at < HOLE;
    return `${on ? "L" : "M"}${(100 * (1 - (end - p.at) / SPAN)).toFixed(1)} ${(12 - 10 * p.score).toFixed(1)}${on ? "" : "h.01"}`;
  }).join("");
}

const CSS = `:host { all: initial; position: absolute; top: 0; left: 0; z-index: 1; pointer-events: none; container-type: size; }
* { box-sizing: border-box; margin: 0; padding: 0; }
.panel { --up: #5fd6c5; --down: #ff9d83; --ink: #f6f5f0; --soft: #cdd0d5; --line: #fff3; --fill: var(--soft); --tone: #c9c6be;
  position: absolute; top: .7em; left: .7em; width: min(15.5em, 100% - 1.4em); max-height: calc(100% - 1.4em); overflow: hidden;
  padding: .6em .8em .7em; border-radius: .8em; background: #0f1114d9; color: var(--ink); font: clamp(12px, 2.2cqi, 15px)/1.35 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.folded { width: auto; padding-block: .35em; } .folded > :not(.head, .sr) { display: none; }
.head { display: flex; align-items: baseline; gap: .5em; }
.score { font: 500 1.9em/1.1 "Iowan Old Style", Palatino, Georgia, "Liberation Serif", serif; } .folded .score { font-size: 1.25em; }
.word { flex: 1; color: var(--tone); font-weight: 600; }
.positive { --tone: var(--up); } .negative { --tone: var(--down); }
button { align-self: center; width: 26px; height: 26px; margin-right: -.3em; border: 0; border-radius: 50%; background: none; color: inherit; cursor: pointer; pointer-events: auto; }
button:focus-visible { outline: 2px solid; outline-offset: -1px; }
button svg { width: 12px; fill: none; stroke: currentColor; stroke-width: 1.8; } .folded button svg { transform: rotate(180deg); }
.meter { position: relative; height: .5em; margin: .6em 0 .3em; border-radius: 1em; background: linear-gradient(var(--soft), var(--soft)) 50% / 1px 100% no-repeat, var(--line); }
.band, .dot, .roll { position: absolute; top: 0; bottom: 0; }
.band { border-radius: 1em; opacity: .8; background: var(--tone); }
.dot { width: 1em; margin: -.25em -.5em; border: 2px solid #0f1114; border-radius: 50%; background: var(--ink); } .provisional .dot { background: #0f1114; border-color: var(--ink); }
.roll { width: 2px; margin: -.3em -1px; background: var(--ink); }
p:empty, .off i { display: none; }
.range { color: var(--soft); font-size: .9em; }
.spark { display: block; width: 100%; height: 2.2em; margin-top: .4em; overflow: visible; fill: none; stroke: var(--ink); stroke-width: 1.75; stroke-linecap: round; }
path { vector-effect: non-scaling-stroke; } .zero { stroke: var(--line); stroke-width: 1; }
ul { margin-top: .4em; list-style: none; }
li { display: grid; grid-template-columns: 3.7em 1fr 2.7em; align-items: center; font-size: .93em; line-height: 1.5; }
li i { height: .35em; border-radius: 1em; background: linear-gradient(var(--fill), var(--fill)) 0 / var(--share) 100% no-repeat, var(--line); }
b { font-weight: 400; text-align: right; } .off { grid-template-columns: 3.7em 1fr; color: var(--soft); } .off b { text-align: left; }
.note { margin-top: .45em; font-size: .93em; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@container (max-height: 190px) or (max-width: 200px) { .spark, ul { display: none; } }
@container (max-height: 110px) { .meter, .range { display: none; } }
@media (prefers-reduced-motion: no-preference) { .band, .dot, .roll { transition: left .4s, right .4s; } }
@media (forced-colors: active) {
  .panel { border: 1px solid; --ink: CanvasText; --line: GrayText; --tone: GrayText; --fill: CanvasText; } .meter, li i { forced-color-adjust: none; border: 1px solid CanvasText; }
}`;

function make(tag, attributes = {}, ...children) {
  const element = /svg|path/.test(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function attachOverlay(video, { label, ...options }) {
  const who = label || options.participant, now = reading(who);
  const [score, word, band, dot, roll] = ["score", "word", "band", "dot", "roll"].map((name) => make("span", { class: name }));
  const [range, note] = ["range", "note"].map((name) => make("p", { class: name }));
  const said = make("p", { class: "sr", role: "status" }), line = make("path"), list = make("ul");
  const button = make("button", { type: "button", "aria-expanded": true, "aria-label": "Details of the score" }, make("svg", { viewBox: "0 0 12 12", "aria-hidden": true }, make("path", { d: "M2 8l4-4 4 4" })));
  const meter = make("div", { class: "meter", role: "meter", "aria-label": "Score", "aria-valuemin": -1, "aria-valuemax": 1 }, band, roll, dot);
  const panel = make("div", { class: "panel", part: "panel", role: "group", "aria-label": `Sentiment of ${who}` }, make("div", { class: "head" }, score, word, button), meter, range,
    make("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": true }, make("path", { class: "zero", d: "M0 12H100" }), line), list, note, said);
  const host = make("div", { "data-valence": options.participant }), root = host.attachShadow({ mode: "open" }), sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
  root.append(panel);

  const fold = (away) => button.setAttribute("aria-expanded", !panel.classList.toggle("folded", away));
  button.onclick = () => fold();
  panel.onkeydown = (event) => {
    if (event.key !== "Escape" || panel.classList.contains("folded")) return;
    event.stopPropagation();
    fold(true);
  };

  let told = "", toldAt = -QUIET;
  const percent = (x) => `${50 + 50 * x}%`;
  const draw = () => {
    const at = performance.now(), v = now.view(at), scored = v.score !== undefined, rolled = v.rolling !== undefined;
    for (const name of ["positive", "negative", "provisional"]) panel.classList.toggle(name, v.word === name || v.state === name);
    band.hidden = dot.hidden = !scored;
    roll.hidden = !rolled;
    score.textContent = v.number;
    word.textContent = v.word;
    if (rolled) roll.style.left = percent(v.rolling);
    let likely = "";
    if (scored) {
      band.style.left = percent(v.interval.low);
      band.style.right = percent(-v.interval.high);
      dot.style.left = percent(v.score);
      likely = `likely ${signed(v.interval.low)} to ${signed(v.interval.high)} · lately ${signed(v.rolling)}`;
    }
    range.textContent = likely;
    meter.setAttribute("aria-valuenow", v.score ?? 0);
    meter.setAttribute("aria-valuetext", scored ? `${v.number}, ${v.word}, ${likely}` : "no score");
    line.setAttribute("d", sparkline(v.points));
    list.replaceChildren(...v.streams.map((s) => {
      const bar = make("i", { "aria-hidden": true });
      bar.style.setProperty("--share", `${s.share * 100}%`);
      return make("li", { class: s.why ? "off" : "" }, make("span", {}, s.name), bar, make("b", {}, s.why || `${Math.round(s.share * 100)} %`));
    }));
    note.textContent = v.note;
    // A screen reader hears what changed in kind, not each number, and not often.
    const tell = [v.note || `${who}: ${v.word}`, ...(scored ? v.streams.filter((s) => s.why).map((s) => `${s.name}: ${s.why}`) : [])].join(". ");
    if (tell === told || at - toldAt < QUIET) return;
    [told, toldAt] = [tell, at];
    said.textContent = scored ? `${tell}. ${v.number}` : tell;
  };

  let x = 0, y = 0;
  const place = () => {
    const over = video.getBoundingClientRect(), at = host.getBoundingClientRect();
    host.style.cssText = `width:${over.width}px;height:${over.height}px;transform:translate(${(x += over.left - at.left)}px,${(y += over.top - at.top)}px)`;
  };
  const sizes = new ResizeObserver(place);
  sizes.observe(video);
  video.after(host);
  const step = () => { place(); draw(); };
  step();
  const timer = setInterval(step, 1000);
  addEventListener("resize", place);
  const leave = join(options, {
    participant: options.participant,
    message: (type, data) => { now.take(type, data, performance.now()); draw(); },
    state: (to) => { now.link(to); draw(); },
  });
  return {
    element: host,
    detach() {
      leave();
      clearInterval(timer);
      sizes.disconnect();
      removeEventListener("resize", place);
      host.remove();
    },
  };
}
