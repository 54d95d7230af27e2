import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from valence_training.data import fer


def write(path: Path, images: list[np.ndarray], labels: list[int]) -> None:
    blobs = []
    for image in images:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")  # lossless, so that equal stays equal
        blobs.append(stream.getvalue())
    np.savez(
        path,
        jpeg=np.frombuffer(b"".join(blobs), np.uint8),
        offset=np.cumsum([0, *(len(b) for b in blobs)]),
        label=np.array(labels),
        label_names=np.array(fer.EMOTIONS),
    )


@pytest.fixture
def images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (48, 48), dtype=np.uint8) for _ in range(120)]


def test_training_meets_no_test_image_and_each_image_once(tmp_path: Path, images: list[np.ndarray]) -> None:
    same, contradicted, in_test = images[0], images[1], images[2]
    write(
        tmp_path / "train.npz",
        [same, same, contradicted, contradicted, in_test, *images[3:100]],
        [0, 0, 1, 2, 3, *[4] * 97],
    )
    write(tmp_path / "test.npz", [in_test, images[110], images[110]], [3, 5, 5])
    training, validation = fer.load_train(tmp_path)
    assert len(training) + len(validation) == 98
    kept = {image.tobytes() for faces in (training, validation) for image in faces.images}
    assert len(kept) == 98
    assert same.tobytes() in kept
    assert contradicted.tobytes() not in kept
    assert in_test.tobytes() not in kept
    assert fer.load_test(tmp_path).unique.tolist() == [False, True, False]


def test_the_validation_split_does_not_depend_on_the_order(tmp_path: Path, images: list[np.ndarray]) -> None:
    write(tmp_path / "test.npz", [images[119]], [0])
    held_out = []
    for order in (images[:100], images[99::-1]):
        write(tmp_path / "train.npz", order, [3] * 100)
        held_out.append({image.tobytes() for image in fer.load_train(tmp_path)[1].images})
    assert held_out[0] == held_out[1]
    assert 1 <= len(held_out[0]) <= 30


def test_surprise_has_no_polarity() -> None:
    polarity = dict(zip(fer.EMOTIONS, fer.polarity_of(np.arange(7)), strict=True))
    assert polarity["surprise"] == fer.NO_POLARITY
    assert {name for name, p in polarity.items() if p == 0} == {"angry", "disgust", "fear", "sad"}
    assert (polarity["neutral"], polarity["happy"]) == (1, 2)


def test_labels_in_another_order_are_refused(tmp_path: Path, images: list[np.ndarray]) -> None:
    write(tmp_path / "train.npz", images[:2], [0, 1])
    with np.load(tmp_path / "train.npz") as archive:
        content = dict(archive)
    content["label_names"] = content["label_names"][::-1]
    np.savez(tmp_path / "train.npz", **content)
    write(tmp_path / "test.npz", images[2:3], [0])
    with pytest.raises(ValueError, match="labels are"):
        fer.load_train(tmp_path)
