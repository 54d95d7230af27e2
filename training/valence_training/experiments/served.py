"""The parts of the results page about what is served; None while their figures are missing.

They come from the programs that measure it: `experiments.stream`, `audio.folds` and, for the shipped net,
`fusion.release`, which leaves metrics.json.
"""

from __future__ import annotations

from typing import Any

from valence_training.experiments.cells import read, saved
from valence_training.experiments.markdown import table

Lines = list[str] | None


def stream() -> Lines:
    """MOSI's words at their real times through the served program."""
    result = read("stream")
    if result is None:
        return None
    rows = []
    for row in result["rows"]:
        error = row.get("standard_error", {})
        rows.append(
            [
                f"{row['scores']}; {row['transcript']}; {row['labelled']}",
                str(row["windows"]),
                *(f"{row[key]:.3f} ({error.get(key, float('nan')):.3f})" for key in ("mae", "r", "ccc")),
                *(f"{row[key]:.1f}" if key in row else "" for key in ("delay_s", "behind_s")),
            ]
        )
    return [
        "The words of the test videos at their real times through `valence replay`: the score of every window of 8 s"
        " against the overlap-weighted mean of the labels under it (standard error over videos). The first column says"
        " which scores, which transcript and state of it, and how much of a window's words must be labelled.",
        "",
        "`segments` are cut at MOSI's bounds, `pauses` where nothing is said for .3 s, `labelled` holds the"
        " labelled words alone. `at once` and `2 s later` are what a call knows when the window ends (provisional)"
        " and when it is final; `complete` is after all corrections. `utterances` are the scores of single"
        " segments combined by overlap. `limit: words` are the labels combined by words, the least error of any"
        " reader; `limit: unlabelled` the same with the model's own score where nobody labelled what is said."
        " Delay is the lag of the best match with the labels of windows, behind the lag with those of instants.",
        "",
        *table(["", "windows", "MAE", "r", "CCC", "delay s", "behind s"], rows),
    ]


def audio() -> Lines:
    """The voice alone over folds of speakers, and by sex."""
    found = saved("train", "audio", "folds.json")
    if found is None:
        return None
    rows = [[name, f"{f['mean']:.1f} ± {f['deviation']:.1f}"] for name, f in found.items()]
    seeds = len(next(iter(found.values()))["seeds"])
    return [
        f"UAR in percent, mean and standard deviation of {seeds} seeds, every speaker tested by a net that never heard"
        " them. Women and men of the same folds show whether it treats the sexes alike.",
        "",
        *table(["", "UAR %"], rows),
    ]


def patterns() -> Lines:
    """Error, intervals and calibration of each set of present streams."""
    found = _shipped()
    if found is None:
        return None
    rows = [[name, f"{f['mae']:.3f}", f"{f['excess']:+.3f}", *_honesty(f)] for name, f in found["patterns"].items()]
    rows.append(["all, pooled", "", "", *_honesty(found["pooled"])])
    levels = " / ".join(f"{100 * c['level']:.0f}" for c in found["pooled"]["intervals"])
    head = ["present", "MAE", "beyond the best stream", f"coverage % at {levels} %", "width", "ECE % before -> after"]
    return [
        "On people that were not met in training. One stream alone is real held-out data; two and three are artificial"
        " pairs, whose MAE says nothing about real calls. The third column is the MAE minus that of the best of the"
        " streams' own heads; ECE is the calibration error of the polarity before and after its temperature.",
        "",
        *table(head, rows),
    ]


def dropped() -> Lines:
    """MAE when words and frames are lost at random."""
    found = _shipped()
    if found is None:
        return None
    rates = found["dropped_steps"]
    rows = [[p, *(f"{rates[rate][p]:.3f}" for rate in rates)] for p in next(iter(rates.values()))]
    return ["MAE by the share that is lost.", "", *table(["present", *(f"{float(r):.0%}" for r in rates)], rows)]


def beginnings() -> Lines:
    """What the words say before the utterance is over."""
    found = _shipped()
    if found is None:
        return None
    text = found["mosi_text"]
    named = {f"first {float(share):.0%} of the words": m for share, m in text["beginning"].items()}
    named |= {"all": text["whole"], "live windows of 8 s": text["live_windows"]}
    rows = [
        [name, f"{m['mae']:.3f}", f"{m['r']:.3f}", f"{m['non0']:.1f}", f"{m['acc7']:.1f}"] for name, m in named.items()
    ]
    return ["CMU-MOSI, test, text alone.", "", *table(["", "MAE", "r", "Acc-2 non0", "Acc-7"], rows)]


def sexes() -> Lines:
    """Whether the voice treats women and men alike."""
    found = _shipped()
    if found is None:
        return None
    rows = []
    for corpus, by_sex in found["sex"].items():
        for who, f in by_sex.items():
            error = f.get("standard_error", {})
            named = [f"{corpus}, {who}", str(f.get("speakers", ""))]
            rows.append([*named, *(_with_error(f[key], error.get(key), key) for key in ("uar", "mae", "coverage"))])
    return [
        "The voice alone, speakers that were not met in training, by the sex that the corpora state (standard error"
        " over speakers, where there are three or more); the difference is female minus male.",
        "",
        *table(["", "speakers", "UAR %", "MAE", "coverage at 90 %"], rows),
    ]


def _honesty(f: dict[str, Any]) -> list[str]:
    """Coverage, width and calibration error before and after."""
    return [
        " / ".join(f"{100 * c['coverage']:.0f}" for c in f["intervals"]),
        " / ".join(f"{c['width']:.2f}" for c in f["intervals"]),
        f"{f['calibration_error_before']:.1f} -> {f['calibration_error']:.1f}",
    ]


def _with_error(value: float, error: float | None, key: str) -> str:
    digits = 1 if key == "uar" else 3
    return f"{value:.{digits}f}" + ("" if error is None else f" ({error:.{digits}f})")


def _shipped() -> dict[str, Any] | None:
    return saved("train", "fusion", "metrics.json")
