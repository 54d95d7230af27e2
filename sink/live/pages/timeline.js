// @ts-check
// The last minutes of one person: which windows there were, and how they are drawn.

/** How long the timeline is, in ms. */
export const SPAN = 180_000;
/** Windows further apart than this have a hole between them. */
const HOLE = 2500;

/** @typedef {{at: number, revision: number, score: number, low: number, high: number, rolling: number, polarity: string, id: string}} Point */

export function timeline() {
  /** @type {Map<string, Point>} */
  const known = new Map();
  let newest = -Infinity;
  return {
    /** @param {any} event */
    add(event) {
      if (event.window.kind !== "sliding" || (known.get(event.id)?.revision ?? -1) >= event.revision) return;
      const at = Date.parse(event.window.end);
      known.set(event.id, {
        at, id: event.id, revision: event.revision, score: event.score, low: event.interval.low, high: event.interval.high,
        rolling: event.rolling.participant, polarity: event.polarity,
      });
      newest = Math.max(newest, at);
      for (const [id, point] of known) if (point.at <= newest - SPAN) known.delete(id);
    },
    clear() { known.clear(); newest = -Infinity; },
    /** In the order of time. @returns {Point[]} */
    points: () => [...known.values()].sort((a, b) => a.at - b.at),
  };
}

/**
 * Paths in a box of 1000 x 200 that ends at the instant, and the holes as [from, to] in it.
 * @param {Point[]} points @param {number} end
 */
export function draw(points, end) {
  const x = (/** @type {number} */ at) => (1000 * (1 - (end - at) / SPAN)).toFixed(1), y = (/** @type {number} */ score) => (100 - 100 * score).toFixed(1);
  /** @type {Point[][]} */
  const runs = [];
  /** @type {[number, number][]} */
  const gaps = [];
  for (const p of points) {
    const run = runs.at(-1), before = run?.at(-1);
    if (run && before && p.at - before.at <= HOLE) run.push(p);
    else {
      if (before) gaps.push([Number(x(before.at)), Number(x(p.at))]);
      runs.push([p]);
    }
  }
  const last = points.at(-1);
  if (last && end - last.at > HOLE * 2) gaps.push([Number(x(last.at)), 1000]);
  const line = (/** @type {(p: Point) => number} */ of) => runs.map((run) => run.map((p, i) => `${i ? "L" : "M"}${x(p.at)} ${y(of(p))}`).join("") + (run.length === 1 ? "h.1" : "")).join("");
  return {
    line: line((p) => p.score), rolling: line((p) => p.rolling), gaps,
    band: runs.map((run) => `M${run.map((p) => `${x(p.at)} ${y(p.high)}`).join("L")}L${run.toReversed().map((p) => `${x(p.at)} ${y(p.low)}`).join("L")}Z`).join(""),
  };
}
