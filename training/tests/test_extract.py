"""Feature files are made once, and anew when what they were made of has changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from valence_training import extract
from valence_training.data.clips import Clip
from valence_training.data.features import Features, Item, save
from valence_training.extract import Program, terms

CONTRACT = "text tokens/1 dim=4 nets=aa\naudio mel/{} dim=4 nets=\nvideo faces/1 dim=4 nets=bb\n"


class FakeProgram(Program):
    """Writes one item under the contract of its version and counts how often it was asked."""

    def __init__(self, root: Path, version: int) -> None:
        self.version, self.asked = version, 0
        super().__init__(Path("none"), root, 1)

    def _run(self, modality: str, manifest: Path) -> None:
        self.asked += 1
        step, times = np.zeros((1, 4), np.float32), np.zeros(1)
        item = Item("probe", "", step, np.ones(1, bool), times, times, None)
        text = CONTRACT.format(self.version)
        save(manifest.with_suffix(".npz"), Features(modality, f"sha256:{self.version}", text, {"probe": item}, {}), 0)


def asked(root: Path, version: int, modality: str, manifest: Path) -> int:
    program = FakeProgram(root, version)
    found = program.extract(modality, manifest)
    assert found.modality == modality
    assert program.contract == f"sha256:{version}"
    return program.asked - 1


def test_a_file_is_made_again_only_for_another_manifest_or_other_terms(tmp_path: Path) -> None:
    manifest = tmp_path / "audio.csv"
    manifest.write_text("id,path\na,a.wav\n")
    assert asked(tmp_path, 1, "audio", manifest) == 1
    assert asked(tmp_path, 1, "audio", manifest) == 0
    assert asked(tmp_path, 2, "audio", manifest) == 1
    manifest.write_text("id,path\nb,b.wav\n")
    assert asked(tmp_path, 2, "audio", manifest) == 1


def test_the_terms_of_another_modality_do_not_matter(tmp_path: Path) -> None:
    manifest = tmp_path / "video.csv"
    manifest.write_text("id,path\na,a.png\n")
    assert asked(tmp_path, 1, "video", manifest) == 1
    assert asked(tmp_path, 2, "video", manifest) == 0


def test_a_contract_without_the_modality_is_refused() -> None:
    with pytest.raises(ValueError, match="video"):
        terms("text tokens/1\n", "video")


def test_clips_of_another_preparation_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [Clip(f"emodb/{i}", tmp_path / "a.flac", "emodb", "emodb-03", "a01", "sad") for i in range(3)]
    monkeypatch.setattr(extract.ravdess, "clips", lambda: clips)
    monkeypatch.setattr(extract.emodb, "clips", list)
    monkeypatch.setattr(extract, "_prepare", _touch)
    monkeypatch.setattr(extract, "ProcessPoolExecutor", ThreadPoolExecutor)
    manifests = []
    for version in ("one", "one", "two"):
        monkeypatch.setattr(extract.prepare, "VERSION", version)
        manifests.append(extract.write_audio(tmp_path, 1).read_text())
    assert manifests[0] == manifests[1] != manifests[2]
    assert len(list((tmp_path / "audio" / "two").iterdir())) == 3 * extract.prepare.VARIANTS


def _touch(task: tuple[Clip, int, Path]) -> None:
    assert not task[2].exists(), "a clip is prepared once"
    task[2].touch()
