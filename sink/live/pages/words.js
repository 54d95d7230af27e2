// @ts-check
// What the browser hears, and what is typed, as segments of a transcript: sent whole each time, until final.

/** @typedef {{id: string, start: string, end: string, text: string, final: boolean}} Segment */

/**
 * @param {() => number} now the server's time in ms
 * @param {string} run keeps the ids of one visit apart from those of another
 */
export function scribe(now, run) {
  /** @type {Map<string, number>} */
  const begun = new Map();
  let count = 0, listening = 0, floor = 0;
  const time = (/** @type {number} */ ms) => new Date(ms).toISOString();
  return {
    /** A recogniser begins anew: its results are numbered from 0 again. */
    listen() {
      listening++;
      begun.clear();
    },
    /**
     * @param {number} index of the result @param {string} text @param {boolean} final
     * @returns {Segment | null} nothing where nothing was said
     */
    heard(index, text, final) {
      const id = `${run}-h${listening}-${index}`, at = now();
      // A result shows up some tenths of a second after its first word.
      const start = begun.get(id) ?? Math.max(at - 700, floor);
      begun.set(id, start);
      const end = Math.max(at - 200, start + 200);
      if (final) floor = end;
      text = text.trim();
      return text ? { id, start: time(start), end: time(end), text, final } : null;
    },
    /** @param {string} text @returns {Segment | null} */
    typed(text) {
      text = text.trim();
      if (!text) return null;
      const end = now(), length = Math.min(Math.max(text.split(/\s+/).length * 330, 600), 8000);
      return { id: `${run}-t${count++}`, start: time(end - length), end: time(end), text, final: true };
    },
  };
}

/** What the browser has to listen with, if anything. */
export const recogniser = () => /** @type {any} */ (globalThis).SpeechRecognition || /** @type {any} */ (globalThis).webkitSpeechRecognition;

/**
 * Listens until it is told to stop; recognisers end by themselves after a silence.
 * @param {ReturnType<typeof scribe>} pen
 * @param {(s: Segment) => void} send
 * @param {(why: string) => void} failed
 */
export function listen(pen, send, failed) {
  const ear = new (recogniser())();
  let on = true;
  ear.continuous = ear.interimResults = true;
  ear.lang = navigator.language || "en-US";
  ear.onstart = () => pen.listen();
  ear.onresult = (/** @type {any} */ event) => {
    for (let i = event.resultIndex; i < event.results.length; i++) {
      const segment = pen.heard(i, event.results[i][0].transcript, event.results[i].isFinal);
      if (segment && on) send(segment);
    }
  };
  ear.onerror = (/** @type {any} */ event) => {
    if (["no-speech", "aborted"].includes(event.error)) return;
    on = false;
    failed(event.error);
  };
  ear.onend = () => { if (on) setTimeout(() => { if (on) ear.start(); }, 300); };
  ear.start();
  return () => { on = false; ear.stop(); };
}
