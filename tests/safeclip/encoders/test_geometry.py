"""Geometries: what they make of features, and which may be compared."""

import numpy as np
import torch

from safeclip.encoders.geometry import Cosine
from safeclip.encoders.lorentz import Lorentz

FEATURES = torch.from_numpy(np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32))
SCALES = {"text": 0.5, "image": 0.25}


def test_cosine_embeds_on_the_unit_sphere_and_asks_as_it_is():
    embeddings = Cosine().embed(FEATURES, "text").numpy()
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(Cosine().as_query(embeddings, "text"), embeddings)
    assert Cosine().width(5) == embeddings.shape[1] == 5


def test_lorentz_embeds_each_modality_by_its_scale():
    geometry = Lorentz(1.3, SCALES, {})
    texts, images = (geometry.embed(FEATURES, modality).numpy() for modality in ("text", "image"))
    assert geometry.width(5) == texts.shape[1] == 6
    np.testing.assert_allclose(texts, geometry.embed(2 * FEATURES, "image").numpy(), rtol=1e-5)
    assert (texts[:, -1] > images[:, -1]).all(), "farther from the root"


def test_a_query_scores_itself_highest_in_either_geometry():
    for geometry in (Cosine(), Lorentz(0.7, SCALES, {})):
        embeddings = geometry.embed(FEATURES, "text").numpy()
        scores = geometry.as_query(embeddings, "text") @ embeddings.T
        assert (scores.argmax(1) == np.arange(7)).all()


def test_only_geometries_with_one_score_are_comparable():
    cosine, lorentz = Cosine(), Lorentz(1.0, SCALES, {"text": 0.1})
    assert cosine.comparable(Cosine()) and lorentz.comparable(Lorentz(1.0, {"text": 3.0, "image": 2.0}, {}))
    assert not cosine.comparable(lorentz) and not lorentz.comparable(cosine)
    assert not lorentz.comparable(Lorentz(1.1, SCALES, {}))
    assert cosine.blendable and not lorentz.blendable
