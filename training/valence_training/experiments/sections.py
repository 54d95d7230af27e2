"""The parts of the results page that compare systems on the same clips; None while their figures are missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from valence_training.experiments import mmmo as mmmo_cells
from valence_training.experiments.cells import read, saved
from valence_training.experiments.compare import Clips, System, best, figures, same_repetitions, verdict
from valence_training.experiments.markdown import table
from valence_training.fusion.reading import CONTEXT, PRIOR, SHARE
from valence_training.paths import cache_dir

Lines = list[str] | None

FINE_TUNED = "fine-tuned bge-small, int8, each segment by itself"
WITH_BEFORE = "the same with what was said before (ours)"


def mosi_text() -> Lines:
    """Baselines and the fine-tuned encoder on the official test split."""
    result = read("mosi-text")
    if result is None:
        return None
    clips, systems = _systems(result)
    ours = _fine_tuned(result["id"])
    note = [f"Missing: {FINE_TUNED} (`make experiments ONLY=text`).", ""]
    if ours is not None:
        systems.append(ours)
        note = _of_seeds(len(ours.predicted))
        before = read("context")
        if before is not None and before["rows"]:
            systems.append(_with_before(before, result["id"]))
    return [
        f"Official split, {len(clips.target)} test segments of {len(set(clips.group))} videos. C of the SVRs was chosen"
        " by folds over the videos of train and valid; the test was predicted once.",
        "",
        *figures(systems, clips, best(systems, clips), "MAE minus the best"),
        "",
        *note,
        verdict(systems, clips),
    ]


def context() -> Lines:
    """What each share of what was said before is worth on the folds that chose it."""
    result = read("context")
    if result is None:
        return None
    columns = {"mae": 3, "r": 3, "acc7": 1, "windows_mae": 3, "windows_ccc": 3}
    rows = [
        [f"{row['share']:.2f}", *(f"{row[c]:.{digits}f}" for c, digits in columns.items())] for row in result["folds"]
    ]
    return [
        f"To the score of some words a share is added of the mean of what was said in the {CONTEXT:.0f} s before, by"
        f" time, drawn to 0 by {PRIOR:.0f} s that say nothing. Held-out scores of five folds over the videos of train"
        " and valid (bge alone, without teachers), for segments and for windows of 8 s; the test had no part in it."
        f" Served is {SHARE}: these folds prefer {result['best']}, the stream of the validation videos .3.",
        "",
        *table(["share", "MAE", "r", "Acc-7", "windows: MAE", "windows: CCC"], rows),
    ]


def mmmo() -> Lines:
    """The net of this project against the field's on MMMO."""
    found = _mmmo(mmmo_cells.PEERS)
    if found is None:
        return None
    clips, systems, count = found
    sizes = ", ".join(f"{s.name} {s.parameters:,}" for s in systems if s.parameters)
    return [
        f"Real, aligned audio and video of {len(clips.target)} film reviews, no text for anybody. {count} of"
        f" {mmmo_cells.REPETITIONS} times {mmmo_cells.FOLDS} folds over the videos; an inner fold chooses the epoch."
        " LF_DNN, TFN, LMF and MulT are the model code of the package MMSA with its sizes, dropouts and rates for MOSI"
        " (MulT's rate scaled to the batch), on the same features, folds and budget: L1, batches of"
        f" {mmmo_cells.BUDGET.batch}, at most {mmmo_cells.BUDGET.epochs} epochs, stopped after"
        f" {mmmo_cells.BUDGET.patience} without a better one. The rate of ours is the best of three, MulT's of two, by"
        " the inner validation of two folds of a repetition that is not in the table; their clips are tested in others,"
        " so both are favoured a little. What is validated and tested of ours is the running average of its weights,"
        " which belongs to its method; of the others it is the weights themselves.",
        "",
        *figures(systems, clips, best(systems, clips), "MAE minus the best"),
        "",
        verdict(systems, clips),
        "",
        f"Trainable parameters: {sizes}.",
        *_absent(mmmo_cells.PEERS, systems),
    ]


def ablations() -> Lines:
    """What each part of this project's net is worth on MMMO."""
    found = _mmmo(tuple(mmmo_cells.ABLATIONS))
    if found is None:
        return None
    clips, systems, count = found
    ours = next((s for s in systems if s.name == mmmo_cells.OURS), None)
    if ours is None or len(systems) < 2:
        return None
    return [
        f"The same folds and budget, {count} of {mmmo_cells.REPETITIONS} repetitions. A part helps where leaving it"
        " out raises the MAE by more than two standard errors.",
        "",
        *figures(systems, clips, ours, "MAE minus ours"),
        "",
        verdict(systems, clips),
        "",
        _when_best(),
        *_absent(tuple(mmmo_cells.ABLATIONS), systems),
    ]


def _absent(models: tuple[str, ...], systems: list[System]) -> list[str]:
    """Which models have no whole repetition."""
    absent = [name for name in models if name not in {s.name for s in systems}]
    return ["", f"Not run yet: {', '.join(absent)}."] if absent else []


def _when_best() -> str:
    """How far training went: a part that comes late cannot help a net that is best early."""
    result = read("mmmo") or {"rows": []}
    epochs = sorted(e for row in result["rows"] if row["model"] == mmmo_cells.OURS for e in row["best_epoch"])
    return (
        f"The inner validation of ours was best after {epochs[0]} to {epochs[-1]} epochs (median"
        f" {epochs[len(epochs) // 2]}) of 9 steps; the teacher is heard from the third epoch on and in full from the"
        " seventh, so a set as small as this says little about the distillation."
    )


def _systems(result: dict[str, Any]) -> tuple[Clips, list[System]]:
    clips = Clips(np.array(result["target"]), tuple(result["group"]))
    made = [System(r["model"], np.array(r["predicted"]), r.get("parameters", 0)) for r in result["rows"]]
    return clips, made


def _mmmo(models: tuple[str, ...]) -> tuple[Clips, list[System], int] | None:
    """The models that have a whole repetition, in this order, each with as many as all of them have."""
    result = read("mmmo")
    if result is None:
        return None
    clips, made = _systems(result)
    systems = [system for name in models for system in made if system.name == name]
    if not systems:
        return None
    systems = same_repetitions(systems)
    return clips, systems, len(systems[0].predicted)


def _of_seeds(count: int) -> list[str]:
    """What else the seeds of the text encoder say: the beginnings of segments, and talk that is no film review."""
    summary = saved("text", "seeds.json") or {}
    shares = sorted(name for name in summary if name.startswith("mosi_test@"))
    begun = [f"{float(s.partition('@')[2]):.0%} {_mean(summary[s]['mae'], 3)}" for s in shares]
    return [
        f"{FINE_TUNED}: {count} seeds, each through its own served graph. MAE on the first part of the words:"
        f" {', '.join(begun)}. On EmoBank's test, talk and texts of all kinds: r"
        f" {_mean(summary['emobank_test']['r'], 3)}.",
        "",
    ]


def _with_before(result: dict[str, Any], ids: list[str]) -> System:
    """The seeds of the text encoder with what was said before."""
    order = {name: i for i, name in enumerate(result["id"])}
    predicted = np.array(result["rows"][0]["predicted"])[:, [order[name] for name in ids]]
    return System(WITH_BEFORE, predicted)


def _mean(figure: dict[str, float], digits: int) -> str:
    return f"{figure['mean']:.{digits}f} ± {figure['sd']:.{digits}f}"


def _fine_tuned(ids: list[str]) -> System | None:
    """The seeds of the text encoder, as `valence_training.text.seeds` left them."""
    summary = saved("text", "seeds.json")
    if summary is None:
        return None
    predicted = []
    for name in summary["files"]:
        with np.load(cache_dir("text", "seeds") / name, allow_pickle=False) as arrays:
            by_id = dict(zip(map(str, arrays["mosi_test_id"]), arrays["mosi_test_score"], strict=True))
        predicted.append([float(by_id[i]) for i in ids])
    return System(FINE_TUNED, np.array(predicted))
