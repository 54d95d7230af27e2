"""Start the audio stream of a fusion net from the trained audio net."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from valence_training.fusion.model import FusionNet
from valence_training.fusion.pairing import AUDIO


def load_audio_start(net: FusionNet, path: Path) -> None:
    """Copy encoder (with its feature mean and deviation), pooling, score and polarity head of `path` into `net`.

    Call it after the features were fitted, since the weights belong to the mean and deviation that they were trained
    with. Everything else of the net stays, and so does its copy of the teacher, which starts as a copy of the net.
    What was copied is held (no gradient): trained on for scores and polarities alone, a voice forgets in a few epochs
    what emotions had taught it, and what it is worth in the end is chance.

    Raises ValueError where the file is of a net of other sizes.
    """
    state: dict[str, Any] = torch.load(path, weights_only=True)["average"]
    parts = {
        "encoder": net.encoders[AUDIO],
        "pool": net.pools[AUDIO],
        "score": net.unimodal_score[AUDIO],
        "polarity": net.unimodal_polarity[AUDIO],
    }
    for name, part in parts.items():
        own = {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
        try:
            part.load_state_dict(own)
        except RuntimeError as error:
            raise ValueError(f"{path}: its {name} does not fit this net; train the audio net anew ({error})") from error
        part.requires_grad_(False)
