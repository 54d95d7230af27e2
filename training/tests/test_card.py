"""The card says what the manifest says, and no more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from valence_training import card, manifest, train
from valence_training.paths import BUNDLE

METRICS = json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8"))["metrics"]


def test_the_card_holds_the_figures_of_the_manifest() -> None:
    text = card.CARD.read_text(encoding="utf-8")
    assert card.replaced(text, card.render(METRICS)) == text, "run python -m valence_training.card"


def test_every_section_says_so_when_nothing_was_measured() -> None:
    for title, section in card.SECTIONS.items():
        said = section({}).lower()
        assert "not measured" in said or "not recorded" in said, title


def test_a_figure_stands_in_the_card_as_it_is_in_the_manifest() -> None:
    metrics = {
        "mosi_text": {"whole": {"mae": 0.61234, "r": 0.85}, "standard_error": {"mae": 0.0211}},
        "text_seeds": {
            "mosi_test": {"mae": {"mean": 0.65, "sd": 0.007}},
            "mosi_test_after_context": {"mae": {"mean": 0.64, "sd": 0.006}},
            "emobank_test": {"r": {"mean": 0.71, "sd": 0.01}},
        },
        "cost": {"text.finetune": {"cpu_s": 3600.0, "wall_s": 7200.0}, "face.train": {"cpu_s": 1800.0, "wall_s": 1e3}},
        "voice_folds": {"RAVDESS: polarity": {"mean": 78.4, "deviation": 0.6}},
        "stream": [
            {
                "scores": "fused", "transcript": "pauses, complete", "labelled": "any", "windows": 3000, "mae": 0.7,
                "r": 0.8, "ccc": 0.79, "standard_error": {"ccc": 0.02}, "delay_s": 0.5, "behind_s": 4.5,
            },
            {
                "scores": "fused", "transcript": "pauses, complete", "labelled": "half", "windows": 2000, "mae": 0.65,
                "r": 0.81, "ccc": 0.8,
            },
        ],
    }  # fmt: skip
    text = card.render(metrics)
    assert "| 0.612 ± 0.021 | 0.850 | not measured |" in text
    assert "| several trainings (± deviation between them) | 0.640 ± 0.006 |" in text
    assert "| the same, each segment by itself | 0.650 ± 0.007 |" in text
    assert "valence: r 0.710 ± 0.010" in text
    assert (
        "| fused | pauses, complete | 3000 / 2000 | 0.700 / 0.650 | 0.800 / 0.810 | 0.790 ± 0.020 / 0.800 | 0.5 / 4.5 |"
        in text
    )
    assert "| all | 1.50 | 2.28 |" in text
    assert "0.01 kWh" in text or "0.02 kWh" in text
    assert "| RAVDESS: polarity | 78.4 ± 0.6 |" in text


def test_rendering_twice_changes_nothing() -> None:
    text = f"before\n{card.BEGIN}\nSTALE\n{card.END}\nafter\n"
    once = card.replaced(text, card.render(METRICS))
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "STALE" not in once
    assert card.replaced(once, card.render(METRICS)) == once


@pytest.mark.parametrize("text", ["", card.BEGIN, f"{card.END}\n{card.BEGIN}", f"{card.BEGIN}{card.BEGIN}{card.END}"])
def test_a_card_without_its_markers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must hold these two lines"):
        card.replaced(text, "")


def test_only_a_stream_of_this_bundle_is_gathered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VALENCE_CACHE", str(tmp_path))
    assert card.gathered() == {}
    (tmp_path / "results").mkdir(exist_ok=True)
    result = {"name": "stream", "bundle": "other", "rows": [1]}
    (tmp_path / "results" / "stream.json").write_text(json.dumps(result))
    assert card.gathered() == {}
    assert "another bundle" in capsys.readouterr().err
    result["bundle"] = manifest.identity()
    (tmp_path / "results" / "stream.json").write_text(json.dumps(result))
    assert card.gathered() == {"stream": [1]}


def test_several_trainings_are_told_with_what_was_said_before_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VALENCE_CACHE", str(tmp_path))
    for name, result in {"results/context": {"several": {"r": 2}}, "text/seeds": {"mosi_test": {"r": 1}}}.items():
        path = tmp_path / f"{name}.json"
        path.parent.mkdir()
        path.write_text(json.dumps(result))
    assert card.gathered() == {"text_seeds": {"mosi_test": {"r": 1}, "mosi_test_after_context": {"r": 2}}}


def test_recording_keeps_what_a_bundle_is(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"files": {"a": 1}, "metrics": {"x": 1, "y": 2}}))
    before = manifest.identity(tmp_path)
    made = manifest.record({"y": 3}, tmp_path)
    assert made == json.loads((tmp_path / "manifest.json").read_text())
    assert made["metrics"] == {"x": 1, "y": 3}
    assert manifest.identity(tmp_path) == before


def test_what_a_step_cost_adds_up_over_its_runs(tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    train.spend(path, "face.train", 10.0, 20.0)
    train.spend(path, "face.train", 5.0, 5.0)
    train.spend(path, "text.export", 1.0, 1.0)
    assert json.loads(path.read_text()) == {
        "face.train": {"cpu_s": 15.0, "wall_s": 25.0},
        "text.export": {"cpu_s": 1.0, "wall_s": 1.0},
    }


def test_a_new_fusion_net_keeps_what_others_measured_but_not_the_stream_of_the_last(tmp_path: Path) -> None:
    assert manifest.measured_elsewhere(tmp_path) == {}
    metrics = {"stream": [1], "text_seeds": {"r": 1}, "cost": {"text": 2}}
    (tmp_path / "manifest.json").write_text(json.dumps({"metrics": metrics}))
    assert manifest.measured_elsewhere(tmp_path) == {"text_seeds": {"r": 1}, "cost": {"text": 2}}
