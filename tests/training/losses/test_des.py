"""DES and SAGE against numpy, one prompt after another."""

import numpy as np
import pytest
import torch

from tests.training.losses import naive
from training.losses.des import DesOptions, SageOptions, des, neighbour_loss, sage, spread
from training.losses.embeddings import Embeddings, FrozenEmbeddings, TokenStates

N, L, W = 6, 3, 4


def states(seed: int, n: int = N) -> torch.Tensor:
    return torch.randn(n, L, W, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def inputs() -> tuple[Embeddings, FrozenEmbeddings]:
    pooled, patches = naive.unit(N, 5, 0), torch.zeros(N, 1, 1)
    safe, unsafe, frozen_safe, frozen_unsafe = (TokenStates(states(seed), patches) for seed in range(1, 5))
    tuned = Embeddings(pooled, pooled, pooled, pooled, states=safe, unsafe_states=unsafe, prompt_states=states(5, 2))
    frozen = FrozenEmbeddings(
        pooled, pooled, states=frozen_safe, unsafe_states=frozen_unsafe, prompt_states=states(6, 2)
    )
    return tuned, frozen


def flat(each: torch.Tensor) -> np.ndarray:
    return each.reshape(len(each), -1).numpy()


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return 1 - a @ b / np.sqrt((a @ a) * (b @ b))


def test_des_equals_the_formulas(inputs):
    tuned, frozen = inputs
    terms = des(tuned, frozen, DesOptions(direction=2.5))
    safe, unsafe, kept, original = (
        flat(each.text) for each in (tuned.states, tuned.unsafe_states, frozen.states, frozen.unsafe_states)
    )
    concept, (frozen_concept, empty) = flat(tuned.prompt_states)[0], flat(frozen.prompt_states)
    offset = 2.5 * frozen_concept / np.linalg.norm(frozen_concept)
    moved = []
    for mine, before in zip(unsafe, original, strict=True):
        far = max(kept, key=lambda other: distance(before, other))
        moved.append(distance(mine, far - offset))
    keep = [(distance(a, b) + distance(a + offset, b + offset)) / 2 for a, b in zip(safe, kept, strict=True)]
    expected = {
        "unsafe_to_distant": np.mean(moved),
        "concept_to_empty": distance(concept, empty),
        "keep_safe": np.mean(keep),
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-12)


def test_sage_equals_numpys_covariance_and_correlation(inputs):
    tuned, frozen = inputs
    terms = sage(tuned, frozen, SageOptions(neighbours=3))
    a, b = (flat(each.states.text) for each in inputs)
    a, b = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (a, b))
    assert terms["keep_spread"].item() == pytest.approx(
        max(0.0, np.trace(np.cov(b.T)) - np.trace(np.cov(a.T))), abs=1e-12
    )
    losses = []
    for i in range(N):
        near = sorted((j for j in range(N) if j != i), key=lambda j: -(b[i] @ b[j]))[:3]
        losses.append(1 - np.corrcoef([a[i] @ a[j] for j in near], [b[i] @ b[j] for j in near])[0, 1])
    assert terms["keep_neighbours"].item() == pytest.approx(np.mean(losses), abs=1e-12)


def test_the_frozen_encoder_itself_costs_nothing():
    original = naive.unit(8, 12, 1)
    assert neighbour_loss(original, original, 15).item() == pytest.approx(0, abs=1e-12)  # all 7 others
    collapsed = original * 0.1 + original.mean(0)
    assert spread(collapsed) < spread(original)


def test_one_prompt_has_no_spread():
    assert spread(torch.ones(1, 4)) == 0
