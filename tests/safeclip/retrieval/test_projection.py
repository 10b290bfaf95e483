import json
from types import SimpleNamespace

import numpy as np
import pytest

from safeclip.errors import IndexCorruptError, IndexMismatchError
from safeclip.retrieval.projection import EmbeddingMap, Projection

RANDOM = np.random.default_rng(5)
IDS = [f"{i:016x}" for i in range(40)]
UNSAFE = np.arange(40) % 2 == 1
VECTORS = RANDOM.normal(size=(40, 8)) * np.arange(8, 0, -1) + np.outer(UNSAFE, np.eye(8)[7] * 9)


def test_x_separates_the_unsafe_from_the_safe_as_far_as_their_means_are_apart():
    x = Projection.fit(IDS, VECTORS, UNSAFE)(VECTORS)[:, 0]
    apart = np.linalg.norm(VECTORS[UNSAFE].mean(0) - VECTORS[~UNSAFE].mean(0))
    assert x[UNSAFE].mean() - x[~UNSAFE].mean() == pytest.approx(apart, abs=1e-3)


def test_the_axes_are_orthonormal_and_y_has_the_largest_variance_left():
    projection = Projection.fit(IDS, VECTORS, UNSAFE)
    np.testing.assert_allclose(projection.axes @ projection.axes.T, np.eye(2), atol=1e-4)
    centred = VECTORS - VECTORS.mean(0)
    rest = centred - np.outer(centred @ projection.axes[0], projection.axes[0])
    largest = np.linalg.svd(rest, compute_uv=False)[0] ** 2
    assert np.sum(projection(VECTORS)[:, 1] ** 2) == pytest.approx(largest, rel=1e-3)


def test_the_gallery_is_centred_and_its_points_are_kept_by_id():
    projection = Projection.fit(IDS, VECTORS, UNSAFE)
    points = np.array([projection.points[id] for id in IDS])
    np.testing.assert_array_equal(points, projection(VECTORS))
    np.testing.assert_allclose(points.mean(0), 0, atol=1e-3)


@pytest.mark.parametrize("unsafe", [np.zeros(40, bool), np.ones(40, bool)])
def test_a_gallery_of_one_kind_is_laid_along_its_principal_components(unsafe):
    points = Projection.fit(IDS, VECTORS, unsafe)(VECTORS)
    singular = np.linalg.svd(VECTORS - VECTORS.mean(0), compute_uv=False)[:2]
    np.testing.assert_allclose(np.sqrt((points**2).sum(0)), singular, rtol=1e-3)


def test_a_gallery_of_one_point_does_not_fail():
    assert np.isfinite(Projection.fit(IDS, np.ones((40, 8)), UNSAFE)(VECTORS)).all()


@pytest.fixture
def written(tmp_path):
    projection = Projection.fit(IDS, VECTORS, UNSAFE)
    EmbeddingMap("abc", projection, projection).write(tmp_path / "projection.json")
    return tmp_path / "projection.json"


def test_a_map_is_read_as_written(written):
    found, projection = (
        EmbeddingMap.read(written, SimpleNamespace(fingerprint="abc")),
        Projection.fit(IDS, VECTORS, UNSAFE),
    )
    assert found.images.points == found.captions.points == projection.points
    np.testing.assert_array_equal(found.images(VECTORS), projection(VECTORS))


def test_a_map_of_another_encoder_is_refused(written):
    with pytest.raises(IndexMismatchError, match="another reference encoder"):
        EmbeddingMap.read(written, SimpleNamespace(fingerprint="xyz"))


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"reference_fingerprint": "abc", "images": 3, "captions": 3}'])
def test_a_damaged_map_is_reported(written, damage):
    written.write_text(damage)
    with pytest.raises(IndexCorruptError, match="cannot be read"):
        EmbeddingMap.read(written, SimpleNamespace(fingerprint="abc"))


def test_a_missing_map_is_reported(tmp_path):
    with pytest.raises(IndexCorruptError, match="missing"):
        EmbeddingMap.read(tmp_path / "projection.json", SimpleNamespace(fingerprint="abc"))


def test_the_file_is_plain_json_with_a_digest(written):
    assert set(json.loads(written.read_text())) == {"reference_fingerprint", "images", "captions", "digest"}


def test_no_bit_of_the_file_can_change_unseen(written):
    whole = written.read_bytes()
    for place in [*range(0, len(whole), 53), *range(len(whole) - 80, len(whole))]:
        written.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.raises(IndexCorruptError):
            EmbeddingMap.read(written, SimpleNamespace(fingerprint="abc"))
