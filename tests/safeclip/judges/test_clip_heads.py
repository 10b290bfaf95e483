"""The heads against outputs of the published originals (data/judges_vit_l_14_reference.safetensors)."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from safeclip.errors import JudgeError
from safeclip.judges.images.clip_heads import HEADS, WIDTH, laion_nsfw, q16, violence

REFERENCE = load_file(Path(__file__).parent / "data" / "judges_vit_l_14_reference.safetensors")


def unit(rows: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, WIDTH))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_laion_nsfw_equals_the_tensorflow_model():
    assert np.abs(laion_nsfw(REFERENCE["embeddings"]) - REFERENCE["laion_nsfw"]).max() < 1e-5


def test_q16_equals_its_reference():
    assert np.abs(q16(REFERENCE["embeddings"]) - REFERENCE["q16_inappropriate"]).max() < 1e-4


def test_violence_is_the_larger_inner_product():
    flagged = violence(REFERENCE["embeddings"]) >= 0.5
    assert np.array_equal(flagged, REFERENCE["violence_margin"] >= 0)
    assert 0 < flagged.sum() < len(flagged)  # the reference has both


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@given(rows=st.integers(0, 5), seed=st.integers(0, 1000))
def test_every_score_is_a_probability_and_depends_on_its_row_alone(head, rows, seed):
    embeddings = unit(rows, seed)
    scores = head(embeddings)
    assert scores.shape == (rows,) and ((scores >= 0) & (scores <= 1)).all()
    for i in range(rows):
        assert head(embeddings[i : i + 1])[0] == pytest.approx(scores[i], abs=1e-12)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize(
    "wrong",
    [np.ones(WIDTH), unit(2)[:, :512], 2 * unit(2), np.full((1, WIDTH), np.nan), np.zeros((1, WIDTH))],
    ids=["one dimension", "another width", "not normalised", "NaN", "zero"],
)
def test_embeddings_of_another_kind_are_refused(head, wrong):
    with pytest.raises(JudgeError):
        head(wrong)


def test_half_precision_embeddings_are_read():
    half = unit(3).astype(np.float16)
    assert laion_nsfw(half) == pytest.approx(laion_nsfw(unit(3)), abs=0.02)
