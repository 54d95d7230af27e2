/** How the events of a call are read. */
export interface Source {
  /** The valence server, with any path before its "v1/". The default is where this module came from. */
  url?: string | URL;
  /** The call. */
  session: string;
  /** The person. Without it `follow` gives everybody's events. */
  participant?: string;
  /** A bearer token with the scope `read`, or what gets a fresh one for each connection. */
  token?: string | (() => string | Promise<string>);
}

export interface OverlayOptions extends Source {
  participant: string;
  /** What to call the person; the default is the participant's id. */
  label?: string;
}

export interface Overlay {
  /** What was put over the video. Its panel is `::part(panel)`. */
  readonly element: HTMLElement;
  /** Takes the overlay away and ends its connection. */
  detach(): void;
}

/**
 * Puts the score of one person over a video, which must be in the document and
 * may be moved and resized: the score with its uncertainty, what it rests on,
 * what is missing and why. Only its button takes clicks; Escape folds it away.
 */
export function attachOverlay(video: HTMLVideoElement, options: OverlayOptions): Overlay;

export interface Follow extends Source {
  /** The id after which to go on; "0" gives all that is kept, "" the newest of each person. The default is "0". */
  last?: string;
  /** Takes what comes: an event, a status, or how many events a slow connection lost. */
  message(type: "event" | "status" | "lost", data: any): void;
  /** Takes what becomes of the connection; `status` is that of the refusal, after which nothing more is tried. */
  state?(state: "open" | "reconnecting" | "refused", status?: number): void;
}

/** Reads events for as long as it takes, through breaks of the connection. Returns what ends it. */
export function follow(options: Follow): () => void;

/** A score as people read it: "+0.41", "−0.10", "0.00". */
export function signed(score: number): string;

/** Why a stream is missing, in words. */
export function because(reason?: string): string;

/** How long to wait before the next try to connect, in ms: longer each time, and scattered. */
export function backOff(tries: number): number;
