import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from valence_training import paths
from valence_training.data import fer
from valence_training.face import export
from valence_training.face.augment import Augment
from valence_training.face.metrics import evaluate, pixels
from valence_training.face.model import FaceNet, ServedFace, standardise
from valence_training.face.train import Recipe, train


def faces(n: int, seed: int = 0) -> fer.Faces:
    """Noise whose brightness gradient tells the emotion."""
    rng = np.random.default_rng(seed)
    emotion = rng.integers(0, 7, n)
    ramp = np.linspace(-1, 1, 48)
    images = 128 + 90 * np.sin(ramp[None, :, None] * (1 + emotion[:, None, None])) + rng.normal(0, 20, (n, 48, 48))
    return fer.Faces(images.clip(0, 255).astype(np.uint8), emotion.astype(np.int64))


def test_shapes() -> None:
    embedding, emotion, polarity = FaceNet().eval()(pixels(faces(3).images))
    assert (embedding.shape, emotion.shape, polarity.shape) == ((3, 64), (3, 7), (3, 3))


def test_light_and_contrast_do_not_matter() -> None:
    x = pixels(faces(2).images)
    torch.testing.assert_close(standardise(x), standardise(0.5 * x + 40), atol=0.02, rtol=0)
    assert standardise(torch.full((1, 1, 48, 48), 7.0)).abs().max() == 0


def test_augmentation_repeats_by_seed_and_keeps_shape_and_range() -> None:
    x = pixels(faces(64).images)
    first, again, other = Augment(1)(x.clone()), Augment(1)(x.clone()), Augment(2)(x.clone())
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == x.shape
    assert first.min() >= 0
    assert first.max() <= 255


def test_an_interrupted_run_ends_as_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    recipe = Recipe(epochs=3, batch=16, seed=5, bfloat16=False)
    training, validation = faces(48), faces(16, seed=1)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected = train(recipe, training, validation, whole).state_dict()

    import valence_training.face.train as module

    save = module._save

    def interrupt(path: Path, recipe: Recipe, epoch: int, *state: object) -> None:
        save(path, recipe, epoch, *state)  # type: ignore[arg-type]
        if epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "_save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, training, validation, parts)
    monkeypatch.setattr(module, "_save", save)
    for name, value in train(recipe, training, validation, parts).state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_recalls_are_of_the_classes_there_are() -> None:
    net = FaceNet()
    with torch.no_grad():
        net.emotion.weight.zero_()
        net.emotion.bias.copy_(torch.eye(7)[3])  # always happy
        net.polarity.weight.zero_()
        net.polarity.bias.copy_(torch.eye(3)[2])  # always positive
    some = faces(70)
    quality = evaluate(net, some)
    assert quality.emotion_accuracy == pytest.approx(np.mean(some.emotion == 3))
    assert quality.emotion_recall["happy"] == 1
    assert quality.polarity_recall == {"negative": 0, "neutral": 0, "positive": 1}
    assert quality.polarity_uar == pytest.approx(1 / 3)


def test_export_agrees_with_torch_and_is_centred(tmp_path: Path) -> None:
    torch.manual_seed(0)
    some = faces(40)
    face: ServedFace = export.served(FaceNet(), some)
    path = tmp_path / "face.onnx"
    export.export(face, path)
    assert export.disagreement(face, path) <= 1e-4
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    embedding, logits = session.run(list(export.OUTPUTS), {"face": pixels(some.images).numpy()})
    np.testing.assert_allclose(embedding.mean(axis=0), 0, atol=1e-4)
    assert logits.shape == (40, 3)


@pytest.mark.skipif(not (paths.BUNDLE / "face.onnx").exists(), reason="the bundle has no face.onnx")
def test_the_golden_vectors_are_of_the_net_in_the_bundle() -> None:
    want = json.loads(export.GOLDEN.read_text())
    got = export.golden(paths.BUNDLE / "face.onnx")
    assert want["input"] == got["input"]
    for a, b in zip(want["cases"], got["cases"], strict=True):
        np.testing.assert_allclose(a["embedding"], b["embedding"], atol=1e-4)
        np.testing.assert_allclose(a["polarity_logits"], b["polarity_logits"], atol=1e-4)
