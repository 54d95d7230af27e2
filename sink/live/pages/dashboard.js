// @ts-check
// All calls: asks for them every two seconds, and follows the one that is chosen.
import { because, follow, signed } from "./overlay.js";
import { draw, SPAN, timeline } from "./timeline.js";

const base = new URL("./", location.href), EVERY = 2000;
/** @type {Record<string, string>} */
const STREAMS = { text: "Words", audio: "Voice", video: "Face" };
/** @type {Record<string, string>} */
const STATES = { waiting: "waiting", scoring: "scoring", no_data: "no data", left: "has left", erased: "erased" };
/** @type {Record<string, string>} */
const CLOCKS = { rtcp_sr: "the sender’s reports", abs_capture_time: "capture times", arrival: "times of arrival", container: "the file", record: "the words’ own times" };
/** @type {Record<string, string>} */
const PURPOSES = { general: "", workplace: "at work: words only", education: "in education: words only" };
const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} tag @param {Record<string, any>} [attributes] @param {...(Node|string)} children */
function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "path"].includes(tag);
  const element = /** @type {HTMLElement} */ (drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag));
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const fresh = (/** @type {Element} */ element, /** @type {string} */ text) => { if (element.textContent !== text) element.textContent = text; };

/** @param {string} text @param {"" | "on" | "trouble"} [lamp] */
function tell(text, lamp = "") {
  fresh($("told"), text);
  $("state").className = `state ${lamp}`;
}

/** Once before the next picture, however often it is asked for. */
const due = /** @type {Set<() => void>} */ (new Set());
const soon = (/** @type {() => void} */ redraw) => {
  if (!due.size) requestAnimationFrame(() => { for (const r of due) r(); due.clear(); });
  due.add(redraw);
};

// ---- one person

/** @param {string} who */
function card(who) {
  const line = timeline(), name = make("bdi", {}, who), chip = make("span", { class: "chip" }), value = make("p", { class: "value" });
  const band = make("path", { class: "band", fill: "url(#mood)" }), score = make("path", { class: "line", stroke: "url(#mood)" });
  const halo = make("path", { class: "halo" }), rolling = make("path", { class: "rolling" }), gaps = make("div", { "aria-hidden": "true" });
  const chart = make("svg", { viewBox: "0 0 1000 200", preserveAspectRatio: "none", role: "img", "aria-label": `Scores of ${who} in the last three minutes; the numbers are in the table below` }, band, score, halo, rolling);
  const parts = make("div", { class: "streams" }), latency = make("dd"), drops = make("dd"), consent = make("dd"), clock = make("dd");
  const rows = make("tbody");
  const fact = (/** @type {string} */ term, /** @type {HTMLElement} */ is) => make("div", {}, make("dt", {}, term), is);
  const column = (/** @type {string} */ head) => make("th", { scope: "col" }, head);
  const numbers = make("details", {}, make("summary", {}, "Numbers"), make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `Scores of ${who}` },
    make("table", {}, make("thead", {}, make("tr", {}, ...["Until", "Score", "From", "To", "Rolling", "State"].map(column))), rows)));
  const article = make("article", { class: "card person", "aria-label": who },
    make("div", { class: "who" }, make("h3", {}, name), chip, value),
    make("div", { class: "chart" }, make("div", { class: "scale", "aria-hidden": "true" }, make("span", {}, "+1"), make("span", {}, "0"), make("span", {}, "−1")),
      make("div", { class: "field" }, chart, gaps), make("div", { class: "axis", "aria-hidden": "true" }, make("span", {}, "3 min ago"), make("span", {}, "now"))),
    make("dl", { class: "facts" }, fact("What it rests on", make("dd", {}, parts)), fact("Agreed to", consent), fact("Delay after a window’s end", latency), fact("Left out", drops), fact("Clock", clock)), numbers);
  let state = /** @type {any} */ ({}), event = /** @type {any} */ (null);

  const update = () => {
    const scoring = state.state === "scoring" && event;
    chip.className = `chip ${state.state || ""}`;
    fresh(chip, STATES[state.state] || state.state || "");
    value.className = `value ${scoring ? event.polarity : ""}`;
    value.replaceChildren(...(scoring ? [signed(event.score), make("small", {}, event.polarity)] : []));
    parts.replaceChildren(...Object.entries(STREAMS).flatMap(([key, stream]) => {
      const m = scoring ? event.modalities[key] : { present: false, reason: state.reasons?.[key] };
      const bar = make("span", { class: "meter", "aria-hidden": "true" });
      bar.style.setProperty("--share", m.present ? `${m.weight * 100}%` : "0%");
      return [make("span", {}, stream), bar, make("span", {}, m.present ? `${Math.round(m.weight * 100)} %` : m.reason ? because(m.reason) : "–")];
    }));
    const yes = Object.entries(STREAMS).filter(([key]) => state.consent?.[key]).map(([, stream]) => stream.toLowerCase());
    fresh(consent, yes.join(", ") || "nothing");
    const delay = (/** @type {any} */ q) => `${duration(q.p50_ms)} (p95 ${duration(q.p95_ms)})`;
    fresh(latency, [state.latency?.provisional && `first ${delay(state.latency.provisional)}`, state.latency?.final && `final ${delay(state.latency.final)}`].filter(Boolean).join(", ") || "–");
    fresh(drops, Object.entries(state.drops || {}).filter(([, n]) => n).map(([why, n]) => `${n} × ${because(why)}`).join(", ") || "nothing");
    fresh(clock, event ? `by ${CLOCKS[event.clock.source] || event.clock.source}, within ${event.clock.error_bound}` : "–");
  };
  const redraw = () => {
    const points = line.points(), end = Math.max(Date.now(), points.at(-1)?.at ?? 0), paths = draw(points, end);
    band.setAttribute("d", paths.band);
    score.setAttribute("d", paths.line);
    for (const path of [halo, rolling]) path.setAttribute("d", paths.rolling);
    gaps.replaceChildren(...paths.gaps.map(([from, to]) => {
      const gap = make("span", { class: "gap" });
      gap.style.left = `${from / 10}%`;
      gap.style.right = `${100 - to / 10}%`;
      return gap;
    }));
    if (!numbers.hasAttribute("open")) return;
    rows.replaceChildren(...points.toReversed().slice(0, 60).map((p) => make("tr", {}, make("th", { scope: "row" }, new Date(p.at).toLocaleTimeString()),
      ...[signed(p.score), signed(p.low), signed(p.high), signed(p.rolling), p.revision ? "final" : "first"].map((cell) => make("td", {}, cell)))));
  };
  numbers.addEventListener("toggle", redraw);
  return {
    article, redraw,
    /** @param {any} s */
    status(s) {
      state = { ...state, reasons: undefined, ...s };
      if (s.latest && (!event || s.latest.window.end >= event.window.end)) event = s.latest;
      if (s.state === "erased") { line.clear(); event = null; }
      update();
    },
    /** @param {any} e */
    event(e) {
      line.add(e);
      soon(redraw);
      if (e.window.kind === "sliding" && (!event || e.window.end >= event.window.end)) {
        if (event && e.window.end > event.window.end) state.state = "scoring";
        event = e;
        update();
      }
    },
  };
}

/** @param {number} ms */
const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

// ---- the calls

let chosen = decodeURIComponent(location.hash.slice(1)), following = "", missed = 0, end = () => {};
/** @type {Map<string, ReturnType<typeof card>>} */
const people = new Map();
const token = () => /** @type {HTMLInputElement} */ ($("token")).value.trim();

/** @param {string} who */
function person(who) {
  let p = people.get(who);
  if (!p) {
    people.set(who, p = card(who));
    const later = [...people.keys()].sort().find((other) => other > who);
    $("people").insertBefore(p.article, later ? people.get(later)?.article ?? null : null);
  }
  return p;
}

/** @param {string} session */
function choose(session) {
  if (session === following) return;
  end();
  following = session;
  missed = 0;
  people.clear();
  $("people").replaceChildren();
  end = session ? follow({
    url: base, session, token,
    message: (type, data) => {
      if (type === "event") person(data.participant).event(data);
      if (type === "status") person(data.participant).status(data);
      if (type === "lost") missed += data.provisional + data.final;
    },
    state: (to) => { if (to === "reconnecting") tell("Connection lost. Trying again.", "trouble"); },
  }) : () => {};
}

/** @param {any[]} calls */
function show(calls) {
  const here = calls.find((c) => c.session === chosen) || (!chosen && calls[0]);
  choose(here ? here.session : chosen);
  const list = $("calls"), focus = document.activeElement?.getAttribute("href");
  list.replaceChildren(...calls.map((c) => {
    const there = c.participants.filter((/** @type {any} */ p) => p.connected).length;
    return make("li", {}, make("a", { href: `#${encodeURIComponent(c.session)}`, "aria-current": c.session === following ? "true" : undefined },
      make("b", {}, make("bdi", {}, c.session)), make("span", {}, `${there} of ${c.participants.length}`),
      make("small", {}, c.participants.map((/** @type {any} */ p) => `${p.participant}: ${STATES[p.state] || p.state}`).join(", ") || "nobody")));
  }));
  if (focus) /** @type {HTMLElement | null} */ (list.querySelector(`a[href="${CSS.escape(focus)}"]`))?.focus();
  if (!following) {
    fresh($("h-call"), "No call yet");
    fresh($("about"), "When somebody starts one, it appears here.");
    return;
  }
  fresh($("h-call"), following);
  for (const p of here?.participants ?? []) person(p.participant).status(p);
  const lost = missed ? `${missed} ${missed === 1 ? "update was" : "updates were"} left out: the connection is slow` : "";
  fresh($("about"), [here ? PURPOSES[here.purpose] : "This call is over.", lost].filter(Boolean).join(" · ") || "The last three minutes. The band holds the truth nine times in ten; the thin line is the rolling score.");
}

async function look() {
  try {
    const answer = await fetch(new URL("v1/sessions", base), { cache: "no-store", headers: token() ? { Authorization: `Bearer ${token()}` } : {} });
    if (answer.status === 401 || answer.status === 403) tell("This server asks for an access token that may read.", "trouble");
    else if (!answer.ok) tell(`The server answered ${answer.status}.`, "trouble");
    else {
      const body = await answer.json(), calls = Array.isArray(body) ? body : body.sessions;
      const there = calls.reduce((/** @type {number} */ n, /** @type {any} */ c) => n + c.participants.filter((/** @type {any} */ p) => p.connected).length, 0);
      tell(`${calls.length} ${calls.length === 1 ? "call" : "calls"}, ${there} ${there === 1 ? "person" : "people"} connected`, calls.length ? "on" : "");
      show(calls);
    }
  } catch {
    tell("The server does not answer. Trying again.", "trouble");
  }
  for (const p of people.values()) p.redraw();
}

addEventListener("hashchange", () => {
  chosen = decodeURIComponent(location.hash.slice(1));
  look();
});
$("token").addEventListener("change", () => {
  choose("");
  look();
});
(async () => {
  for (;;) {
    await look();
    await new Promise((next) => setTimeout(next, EVERY));
  }
})();
