"""Experiments: folds that part no video, cells that resume, paired bootstraps, a page that repeats itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from valence_training.experiments import page
from valence_training.experiments.bootstrap import paired, standard_error
from valence_training.experiments.cells import Cell, read, run, write
from valence_training.experiments.compare import Clips, System, best, figures, same_repetitions, verdict
from valence_training.experiments.folds import folds

GROUPS = [f"video{i // 3}" for i in range(60)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VALENCE_CACHE", str(tmp_path))
    return tmp_path


def test_folds_part_no_video_and_test_every_clip_once() -> None:
    parts = folds(GROUPS, 10, 0)
    assert sorted(np.concatenate([part.test for part in parts])) == list(range(60))
    for part in parts:
        sides = [{GROUPS[i] for i in rows} for rows in part]
        assert len(set.union(*sides)) == sum(map(len, sides)) == 20


def test_folds_of_a_repetition_are_the_same_and_of_another_are_not() -> None:
    first, again, other = (folds(GROUPS, 10, r)[0].test.tolist() for r in (0, 0, 1))
    assert first == again
    assert first != other
    with pytest.raises(ValueError, match="cannot be parted into 10 folds"):
        folds(["a", "b", "c"], 10, 0)


def test_cells_are_run_once_and_go_on_where_they_were_stopped() -> None:
    ran: list[int] = []

    def work(number: int) -> dict[str, int]:
        if number == 2 and len(ran) == 2:
            raise KeyboardInterrupt
        ran.append(number)
        return {"square": number**2}

    def cells() -> list[Cell]:
        return [Cell("squares", {"number": n}, lambda n=n: work(n)) for n in range(4)]  # type: ignore[misc]

    with pytest.raises(KeyboardInterrupt):
        run(cells(), "squares")
    ran.append(-1)
    run(cells(), "squares")
    assert ran == [0, 1, -1, 2, 3]
    assert [cell.result() for cell in cells()] == [{"square": n**2} for n in range(4)]
    assert Cell("squares", {"number": 9}, dict).result() is None
    saved = json.loads(cells()[3].path.read_text())
    assert saved["settings"] == {"number": 3}


def test_the_bootstrap_is_paired_and_draws_whole_videos() -> None:
    random = np.random.default_rng(0)
    hard = random.exponential(1.0, 60)
    better = paired(hard, hard + 0.05, GROUPS)
    assert better.mean == pytest.approx(-0.05)
    assert better.error < 1e-9  # the same clips are hard for both, so nothing is left to chance
    of_video = np.repeat(random.standard_normal(20), 3)
    together = standard_error(GROUPS, lambda rows: float(of_video[rows].mean()))
    apart = standard_error([str(i) for i in range(60)], lambda rows: float(of_video[rows].mean()))
    assert together > 1.5 * apart
    with pytest.raises(ValueError, match="losses for 60 clips"):
        paired(hard[:3], hard[:3], GROUPS)


def systems() -> tuple[Clips, list[System]]:
    random = np.random.default_rng(1)
    target = random.uniform(-3, 3, 60)
    near = target + random.normal(0, 0.5, (3, 60))
    return Clips(target, tuple(GROUPS)), [
        System("median", np.zeros((1, 60))),
        System("one", near),
        System("other", near + random.normal(0, 0.05, (3, 60))),
    ]


def test_nobody_is_ranked_within_two_standard_errors() -> None:
    clips, made = systems()
    first = best(made, clips)
    second = next(s.name for s in made[1:] if s is not first)
    said = f"Lowest MAE: **{first.name}**; within two standard errors of it, so unranked: {second}; behind it: median."
    assert verdict(made, clips) == said


def test_a_table_compares_as_many_repetitions_as_all_have() -> None:
    clips, made = systems()
    assert [len(s.predicted) for s in same_repetitions(made)] == [1, 1, 1]
    lines = figures(made, clips, made[1], "MAE minus one")
    assert len(lines) == 5
    assert lines[2].startswith("| median | 1.")
    assert lines[3].endswith("|  |")
    assert " ± " in lines[3].split("|")[2]


def fill() -> None:
    clips, made = systems()
    common = {"target": clips.target.tolist(), "group": list(clips.group), "id": [str(i) for i in range(60)]}
    write("mosi-text", [{"model": s.name, "predicted": s.predicted.tolist()} for s in made], **common)
    rows = [
        {"model": m, "predicted": made[1].predicted.tolist(), "parameters": 9, "best_epoch": [3]}
        for m in ("LMF", "ours", "no DWA")
    ]
    write("mmmo", rows, **common)
    stream_row = {"scores": "fused", "transcript": "pauses, at once", "labelled": "any", "windows": 9, "delay_s": 3.5}
    stream_row |= {"mae": 0.5, "r": 0.8, "ccc": 0.75, "standard_error": {"mae": 0.02, "r": 0.01, "ccc": 0.03}}
    write("stream", [stream_row])
    write("unheard-of", [{"who": "all", "ece": 0.25, "of": [1]}], title="Calibration", note="Before and after.")


def test_the_page_is_the_same_for_the_same_figures_and_says_what_is_missing() -> None:
    empty = page.page()
    assert "Never edit it by hand" in empty
    assert all(f"- {section.title}: `{section.how}`" in empty for section in page.SECTIONS)
    fill()
    full = page.page()
    assert full == page.page()
    assert "| ours | 0." in full
    assert "3 of 5 times 10 folds" in full
    assert (
        "Not run yet: scalar DWA, no MD, MD without polarity, no co-attention, with the shipped net's anchor." in full
    )
    assert "## Calibration\n\nBefore and after.\n\n| who | ece |\n| --- | ---: |\n| all | 0.250 |" in full
    assert "| fused; pauses, at once; any | 9 | 0.500 (0.020) | 0.800 (0.010) | 0.750 (0.030) | 3.5 |  |" in full
    assert "- Voices of unseen speakers:" in full
    assert "- ICT-MMMO" not in full


def test_a_part_whose_figures_are_not_here_stays_as_it_stands_on_the_page(cache: Path) -> None:
    fill()
    full = page.page()
    for table in (cache / "results").glob("*.json"):
        table.unlink()
    write(
        "mosi-text",
        [{"model": "new", "predicted": [[0.0] * 3]}],
        target=[1.0, 1.0, 1.0],
        group=["a", "b", "c"],
        id=["1", "2", "3"],
    )
    later = page.page(full)
    old, new = page.parts_of(full), page.parts_of(later)
    assert "| new | 1.000" in new["CMU-MOSI, words alone"]
    assert {**new, "CMU-MOSI, words alone": ""} == {**old, "CMU-MOSI, words alone": ""}
    assert page.page(later) == later


def test_the_seeds_of_the_text_encoder_are_compared_with_the_baselines(cache: Path) -> None:
    fill()
    clips, _ = systems()
    (cache / "text" / "seeds").mkdir(parents=True)
    order = np.random.default_rng(0).permutation(60)
    for seed in range(2):
        scores = clips.target + 0.1 + 0.02 * seed
        found = {"mosi_test_id": np.array([str(i) for i in order]), "mosi_test_score": scores[order]}
        np.savez(cache / "text" / "seeds" / f"{seed}.npz", **found)
    one = {"mae": {"mean": 1.3, "sd": 0.01}, "r": {"mean": 0.7, "sd": 0.02}}
    summary = {"files": ["0.npz", "1.npz"], "mosi_test@0.25": one, "emobank_test": one}
    (cache / "text" / "seeds.json").write_text(json.dumps(summary))
    full = page.page()
    assert "| fine-tuned bge-small, int8, each segment by itself | 0.110 ± 0.014 |" in full
    assert "Lowest MAE: **fine-tuned bge-small, int8, each segment by itself**; nobody is near it;" in " ".join(
        full.split()
    )
    assert "25% 1.300 ± 0.010. On EmoBank's" in " ".join(full.split())
    asked = read("mosi-text")
    assert asked is not None
    folds = [{"share": 0.1, "mae": 0.5, "r": 0.9, "acc7": 50.0, "windows_mae": 0.6, "windows_ccc": 0.8}]
    write("context", [], id=asked["id"][::-1], folds=folds, best=0.1)
    assert "| 0.10 | 0.500 | 0.900 | 50.0 | 0.600 | 0.800 |" in page.page()
    better = [asked["target"][::-1]] * 2
    write("context", [{"predicted": better}], id=asked["id"][::-1], folds=folds, best=0.1)
    assert "| the same with what was said before (ours) | 0.000 ± 0.000 |" in page.page()


def test_the_figures_of_the_shipped_net_are_shown(cache: Path) -> None:
    level = {"level": 0.9, "coverage": 0.912, "width": 2.5}
    honest = {"intervals": [level], "calibration_error": 3.0, "calibration_error_before": 8.0}
    text = {"mae": 0.6, "r": 0.8, "non0": 87.0, "acc7": 48.0}
    metrics = {
        "patterns": {"text": {"mae": 0.6, "excess": -0.01, **honest}},
        "pooled": honest,
        "dropped_steps": {"0.0": {"text": 0.6}, "0.3": {"text": 0.7}},
        "mosi_text": {"whole": text, "beginning": {"0.25": text}, "live_windows": text},
        "sex": {"all": {"female": {"speakers": 4, "uar": 70.0, "mae": 1.0, "coverage": 0.9}}},
    }
    folder = cache / "train" / "fusion"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    full = page.page()
    assert "| text | 0.600 | -0.010 | 91 | 2.50 | 8.0 -> 3.0 |" in full
    assert "| present | 0% | 30% |" in full
    assert "| first 25% of the words | 0.600 | 0.800 | 87.0 | 48.0 |" in full
    assert "| all, female | 4 | 70.0 | 1.000 | 0.900 |" in full


def test_a_table_is_replaced_whole() -> None:
    assert read("x") is None
    write("x", [{"a": 1}])
    write("x", [{"a": 2}], note="new")
    assert read("x") == {"name": "x", "rows": [{"a": 2}], "note": "new"}
