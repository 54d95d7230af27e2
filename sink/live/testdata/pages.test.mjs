import assert from "node:assert/strict";
import { test } from "node:test";
import { serverClock } from "../pages/clock.js";
import { draw, SPAN, timeline } from "../pages/timeline.js";
import { fragment, iceServers } from "../pages/whip.js";
import { scribe } from "../pages/words.js";

test("the server's clock is found from answers that name whole seconds", () => {
  let here = 1_000_000;
  const ahead = 123_456, clock = serverClock(() => here);
  assert.equal(clock.now(), here, "before any answer the own clock will do");
  for (let i = 0; i < 60; i++) {
    here += 2130;
    const sent = here, came = here + 20, date = new Date(Math.floor((here + 10 + ahead) / 1000) * 1000).toUTCString();
    clock.hear(date, sent, came);
  }
  assert.ok(Math.abs(clock.now() - here - ahead) < 100, `off by ${clock.now() - here - ahead} ms`);
  clock.hear(null, 0, 0);
  clock.hear("yesterday", 0, 0);
  clock.hear(new Date(Math.floor((here - 5000) / 1000) * 1000).toUTCString(), here, here + 20);
  assert.ok(Math.abs(clock.now() - here + 5000) < 1100, "a clock that is set is believed");
});

test("what is heard is sent whole until final, and in order", () => {
  let now = Date.parse("2026-03-02T09:30:00Z");
  const pen = scribe(() => now, "run");
  pen.listen();
  assert.equal(pen.heard(0, "  ", false), null);
  const first = pen.heard(0, " I love", false);
  now += 900;
  const whole = pen.heard(0, "I love this", true);
  assert.deepEqual([first.id, first.final, first.text], ["run-h1-0", false, "I love"]);
  assert.deepEqual([whole.id, whole.final, whole.text], ["run-h1-0", true, "I love this"]);
  assert.equal(whole.start, first.start);
  assert.ok(whole.end > whole.start);
  const next = pen.heard(1, "Really", false);
  assert.ok(next.start >= whole.end, "segments do not overlap");
  pen.listen();
  assert.equal(pen.heard(0, "again", false).id, "run-h2-0", "a recogniser that begins anew repeats no id");
});

test("what is typed is a segment that has just been said", () => {
  const now = Date.parse("2026-03-02T09:30:00Z"), pen = scribe(() => now, "run");
  assert.equal(pen.typed("  "), null);
  assert.deepEqual(pen.typed(" I love this. "), { id: "run-t0", start: "2026-03-02T09:29:59.010Z", end: "2026-03-02T09:30:00.000Z", text: "I love this.", final: true });
  assert.equal(pen.typed("Yes").id, "run-t1");
});

test("ICE servers are read from Link headers", () => {
  assert.deepEqual(iceServers('<stun:stun.example.net>; rel="ice-server", <turn:turn.example.net?transport=udp>; rel="ice-server"; username="us,er"; credential="pa\\"ss;word"; credential-type="password", </x>; rel=next'), [
    { urls: "stun:stun.example.net" }, { urls: "turn:turn.example.net?transport=udp", username: "us,er", credential: 'pa"ss;word' },
  ]);
  assert.deepEqual(iceServers(null), []);
});

test("candidates travel as a fragment of SDP", () => {
  const sdp = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:abc\r\na=ice-pwd:secret\r\na=mid:0\r\n";
  assert.equal(fragment(sdp, [{ candidate: "candidate:1 1 udp 1 127.0.0.1 5 typ host", sdpMid: "0" }], true),
    "a=ice-ufrag:abc\r\na=ice-pwd:secret\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 5 typ host\r\na=end-of-candidates\r\n");
});

const event = (second, revision = 1, score = 0.5) => ({
  id: String(second), revision, score, polarity: "positive", window: { kind: "sliding", end: new Date(second * 1000).toISOString() },
  interval: { low: score - 0.5, high: score + 0.5 }, rolling: { participant: 0.1 },
});

test("the timeline keeps the highest revision of three minutes", () => {
  const line = timeline();
  for (let s = 0; s < 400; s++) line.add(event(s));
  assert.equal(line.points().length, SPAN / 1000);
  line.add(event(399, 0, -1));
  line.add(event(398, 2, -1));
  assert.deepEqual(line.points().slice(-2).map((p) => p.score), [-1, 0.5]);
  line.add({ ...event(500), window: { kind: "utterance", end: new Date(5e5).toISOString() } });
  assert.equal(line.points().length, SPAN / 1000);
  line.clear();
  assert.deepEqual(line.points(), []);
});

test("holes in the timeline are shown, also the one that lasts", () => {
  const line = timeline();
  for (const s of [100, 101, 110, 111]) line.add(event(s));
  const paths = draw(line.points(), 120_000);
  assert.equal(paths.gaps.length, 2);
  assert.equal(paths.gaps[1][1], 1000);
  assert.equal(paths.line.match(/M/g).length, 2);
  assert.equal(paths.band.match(/Z/g).length, 2);
  assert.deepEqual(draw([], 0), { line: "", rolling: "", band: "", gaps: [] });
});
