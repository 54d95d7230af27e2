// @ts-check
// The server's time, from the Date of its answers. Each answer was written in the second that Date names, between the
// sending of the question and the coming of the answer; where all these spans overlap is the difference of the clocks.

/** @param {() => number} here the clock of this machine, in ms */
export function serverClock(here = Date.now) {
  let low = -Infinity, high = Infinity;
  return {
    /** @param {string | null} date @param {number} sent @param {number} came */
    hear(date, sent, came) {
      const second = Date.parse(date || "");
      if (Number.isNaN(second)) return;
      const least = second - came, most = second + 1000 - sent;
      if (least > high || most < low) [low, high] = [least, most]; // one of the clocks was set
      else [low, high] = [Math.max(low, least), Math.min(high, most)];
    },
    /** The time there, in ms since 1970. */
    now: () => here() + (Number.isFinite(low) ? (low + high) / 2 : 0),
  };
}
