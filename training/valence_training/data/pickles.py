"""Read pickles of arrays without running what they say.

A pickle is a program: `pickle.load` on a stranger's file can do anything. The files of this field hold numbers, strings
and containers only, so this reader admits what rebuilds those and refuses every other name.
"""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any

_CONTAINERS = {"set": set, "frozenset": frozenset, "bytearray": bytearray, "complex": complex, "slice": slice}

# numpy 1 and 2 name their modules differently; either file is read by either.
_NUMPY = {
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("numpy", "dtype"): ("numpy", "dtype"),
    **{
        (f"numpy.{core}.{module}", name): (f"numpy._core.{module}", name)
        for core in ("core", "_core")
        for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
    },
}


def load(path: Path) -> Any:  # noqa: ANN401 the caller checks what it is
    """Return what the pickle holds: numbers, strings, bytes, containers and numpy arrays of them.

    Raises ValueError where it names anything else, before that is even imported, or is no complete pickle.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file, encoding="latin1").load()
    except _RefusedError as error:
        raise ValueError(
            f"{path}: the pickle asks for {error}, which is neither a number, text, container nor numpy array; it was "
            "not run. Save plain numpy arrays instead"
        ) from None
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"{path}: not a complete pickle ({type(error).__name__}: {error})") from error


class _RefusedError(Exception):
    """A name that a pickle of arrays has no need of."""


class _Reader(pickle.Unpickler):
    """Looks names up in the two tables above and nowhere else."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        if module in ("builtins", "__builtin__") and name in _CONTAINERS:
            return _CONTAINERS[name]
        if (module, name) == ("_codecs", "encode"):
            return _bytes
        if (module, name) in _NUMPY:
            home, attribute = _NUMPY[module, name]
            return getattr(importlib.import_module(home), attribute)
        raise _RefusedError(f"{module}.{name}")


def _bytes(text: str, encoding: str) -> bytes:
    """How protocols up to 2 write bytes; no other codec is wanted."""
    if encoding != "latin1":
        raise _RefusedError(f"the codec {encoding}")
    return text.encode("latin1")
