"""One line on stderr, every few seconds, that says how far a long run is and when it will end."""

import sys
import time


class Progress:
    """Counts steps towards a total; only the steps of this run enter the estimate of the time that is left."""

    def __init__(self, name: str, total: int, every: float = 5.0) -> None:
        self.name, self.total, self.every = name, total, every
        self.done = 0
        self.began = self.shown = time.monotonic()

    def step(self, count: int = 1, note: str = "") -> None:
        """Count steps as done and show the line when it is time."""
        self.done += count
        now = time.monotonic()
        if now - self.shown < self.every and self.done < self.total:
            return
        self.shown = now
        left = (now - self.began) / self.done * (self.total - self.done)
        print(
            f"{self.name}  {self.done}/{self.total}  eta {left // 60:.0f}m{left % 60:02.0f}s  {note}",
            file=sys.stderr,
            flush=True,
        )
