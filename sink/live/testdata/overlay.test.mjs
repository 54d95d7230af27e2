import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { backOff, because, parser, reading, signed, sparkline } from "../pages/overlay.js";

const event = (second, more = {}) => ({
  id: `call/alice/sliding/${second}`, revision: 1, state: "final", participant: "alice", score: 0.41, polarity: "positive",
  window: { kind: "sliding", start: new Date((second - 8) * 1000).toISOString(), end: new Date(second * 1000).toISOString() },
  interval: { level: 0.9, low: -0.1, high: 0.86 }, rolling: { participant: 0.22 },
  modalities: { text: { present: true, weight: 0.7 }, audio: { present: true, weight: 0.3 }, video: { present: false, reason: "muted" } }, ...more,
});

test("an event stream may be cut anywhere", () => {
  const stream = 'retry: 2000\n: valence\n\nid: b-1\ndata: {"a":1}\n\nevent: status\r\ndata: x\r\ndata: y\r\n\r\n: alive\n\nid: b-2\ndata\n\nevent: lost\n\ndata:no space\n\n';
  const want = [
    { type: "event", id: "b-1", data: '{"a":1}' }, { type: "status", id: "b-1", data: "x\ny" },
    { type: "event", id: "b-2", data: "" }, { type: "event", id: "b-2", data: "no space" },
  ];
  for (let size = 1; size <= stream.length; size++) {
    const got = [], read = parser((m) => got.push(m));
    for (let i = 0; i < stream.length; i += size) read(stream.slice(i, i + size));
    assert.deepEqual(got, want, `pieces of ${size}`);
  }
});

test("tries come later and later, up to some seconds, and not all at once", () => {
  assert.equal(backOff(0, 0.5), 500);
  assert.equal(backOff(3, 0.5), 4000);
  assert.equal(backOff(1000, 1), 18750);
  assert.ok(backOff(0, 0) < backOff(0, 0.999));
});

test("numbers and reasons are read as the report says them", () => {
  assert.deepEqual([0.4091, -0.1, -0.001, 0.004, 1].map(signed), ["+0.41", "−0.10", "0.00", "0.00", "+1.00"]);
  assert.equal(because("no_face"), "no face in the picture");
  assert.equal(because("solar_flare"), "solar flare");
  assert.equal(because(), "absent");
});

test("the newest window is shown, in its highest revision, and with what it lacks", () => {
  const r = reading("alice");
  r.link("open");
  assert.match(r.view(0).note, /Listening/);
  r.take("event", event(10, { revision: 0, state: "provisional", score: 0.5 }), 0);
  assert.equal(r.view(0).state, "provisional");
  r.take("event", event(11, { revision: 0, state: "provisional", score: -0.5, polarity: "negative" }), 0);
  r.take("event", event(10), 0);
  const v = r.view(0);
  assert.equal(v.number, "−0.50");
  assert.equal(v.word, "negative");
  assert.deepEqual(v.points.map((p) => p.score), [0.41, -0.5], "the correction of an older window changes the line alone");
  assert.deepEqual(v.streams, [{ name: "Words", share: 0.7, why: "" }, { name: "Voice", share: 0.3, why: "" }, { name: "Face", share: 0, why: "switched off" }]);
  r.take("event", event(11, { revision: 0, score: 0.9 }), 0);
  assert.equal(r.view(0).number, "−0.50", "a repeat changes nothing");
  r.take("event", event(12, { window: { kind: "utterance", end: new Date(12e3).toISOString() } }), 0);
  assert.equal(r.view(0).number, "−0.50", "an utterance is not the state of now");
});

test("the last minute is kept", () => {
  const r = reading("alice");
  for (let s = 0; s < 200; s++) r.take("event", event(s), 0);
  assert.equal(r.view(0).points.length, 60);
});

test("where nothing can be scored the reasons are said, and a new window ends it", () => {
  const r = reading("alice");
  r.link("open");
  r.take("event", event(10), 0);
  r.take("status", { state: "no_data", reasons: { text: "no_words", audio: "no_consent", video: "no_face" } }, 0);
  const v = r.view(0);
  assert.equal(v.score, undefined);
  assert.equal(v.rolling, 0.22, "the rolling score stays");
  assert.deepEqual(v.streams.map((s) => s.why), ["nothing said", "no consent", "no face in the picture"]);
  assert.match(v.note, /Nothing to score/);
  r.take("event", event(10, { revision: 2, state: "corrected" }), 0);
  assert.equal(r.view(0).score, undefined, "a correction is no new window");
  r.take("event", event(11), 0);
  assert.equal(r.view(0).score, 0.41);
});

test("who left or was erased is gone", () => {
  const r = reading("alice");
  r.link("open");
  r.take("event", event(10), 0);
  r.take("status", { state: "left" }, 0);
  assert.match(r.view(0).note, /alice has left/);
  r.take("status", { state: "erased" }, 0);
  const v = r.view(0);
  assert.deepEqual([v.points.length, v.rolling, v.score], [0, undefined, undefined]);
});

test("what a slow connection lost is said for a while, and the state of the connection first", () => {
  const r = reading("alice");
  r.link("open");
  r.take("event", event(10), 0);
  r.take("lost", { provisional: 2, final: 0 }, 1000);
  r.take("lost", { provisional: 0, final: 1 }, 5000);
  assert.match(r.view(6000).note, /^3 updates were left out/);
  r.link("reconnecting");
  assert.match(r.view(6000).note, /Connection lost/);
  r.link("open");
  assert.equal(r.view(16000).note, "");
  r.take("lost", { provisional: 1, final: 0 }, 20000);
  assert.match(r.view(20001).note, /^1 update was left out/);
  r.link("refused");
  assert.equal(r.view(20001).score, undefined);
});

test("the line breaks where windows are missing", () => {
  const at = (s, score) => ({ at: s * 1000, score });
  assert.equal(sparkline([at(0, 0), at(1, 1), at(30, -1), at(60, 0)]), "M0.0 12.0h.01L1.7 2.0M50.0 22.0h.01M100.0 12.0h.01");
  assert.equal(sparkline([]), "");
});

test("every text of the panel can be read over any video", () => {
  const css = readFileSync(new URL("../pages/overlay.js", import.meta.url), "utf8");
  const colour = (pattern) => css.match(pattern)[1].match(/../g).map((hex) => parseInt(hex, 16));
  const [r, g, b, alpha] = colour(/\.panel \{[^}]*background: #(\w{8})/);
  const luminance = (rgb) => rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  for (const video of [0, 255]) {
    const behind = luminance([r, g, b].map((c) => (c * alpha + video * (255 - alpha)) / 255));
    for (const name of ["ink", "soft", "up", "down", "tone"]) {
      const ratio = (luminance(colour(new RegExp(`--${name}: #(\\w{6})`))) + 0.05) / (behind + 0.05);
      assert.ok(ratio >= 4.5, `--${name} over ${video}: ${ratio.toFixed(2)}`);
    }
  }
});
