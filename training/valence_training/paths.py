"""Where things are: the repository, the data sets beside it, the cache outside it."""

import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUNDLE = REPO / "inference" / "model" / "bundle"


def data_dir() -> Path:
    """Return the directory of the data sets: $VALENCE_DATA, else ../shared/data beside the repository.

    Raises FileNotFoundError where there is none, since nothing here can be trained without it.
    """
    path = Path(os.environ.get("VALENCE_DATA") or REPO.parent / "shared" / "data")
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no data sets here; set VALENCE_DATA to the directory that holds them")
    return path


def cache_dir(*parts: str) -> Path:
    """Return a directory below $VALENCE_CACHE (default ~/.cache/valence), made if it is not there yet."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = Path(os.environ.get("VALENCE_CACHE") or user / "valence").joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path
