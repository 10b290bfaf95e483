"""Heads on original CLIP's image embeddings: LAION-5B's sexual-content head and violence prompts, and Q16's prompts.

Every function maps L2-normalised embeddings (n, 768) of `openai/clip-vit-large-patch14` at 224 px to n probabilities
of harm, float64 in [0, 1]. A gallery that is indexed with this encoder is judged by one small matrix product.
`heads/README.md` names sources and licences.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from ...errors import JudgeError

ENCODER = "openai/clip-vit-large-patch14"
WIDTH = 768  # of its embeddings
LOGIT_SCALE = 100.0  # both pairs of prompts were tuned with CLIP's

_FOLDER = Path(__file__).parent / "heads"
_UNIT_TOLERANCE = 1e-2  # of an embedding's length; half precision stays within


def laion_nsfw(embeddings: np.ndarray) -> np.ndarray:
    """Scores sexual content as LAION-5B's filter does: a perceptron, 768-64-512-256-1, with a sigmoid at its end.

    Raises JudgeError for embeddings that are not (n, 768), not finite or not normalised.
    """
    layers = _tensors("laion_nsfw_vit_l_14")
    hidden = _checked(embeddings)
    for i in range(4):
        hidden = hidden @ layers[f"{i}.weight"].T + layers[f"{i}.bias"]
        if i < 3:
            hidden = np.maximum(hidden, 0)
    return _sigmoid(hidden[:, 0])


def q16(embeddings: np.ndarray) -> np.ndarray:
    """Scores what people call inappropriate (Q16, Schramowski et al., FAccT 2022): softmax over 100 × cosine.

    The authors document images from 0.9 on. Raises as `laion_nsfw`.
    """
    prompts = _tensors("clip_prompt_judges_vit_l_14")["q16.prompts"]
    return _second_of_two(_checked(embeddings), prompts / np.linalg.norm(prompts, axis=1, keepdims=True))


def violence(embeddings: np.ndarray) -> np.ndarray:
    """Scores violence by LAION-5B's two prompts: softmax over 100 × their inner products, which are not normalised.

    At the threshold 0.5 this is clip-retrieval's rule, the larger inner product. Raises as `laion_nsfw`.
    """
    return _second_of_two(_checked(embeddings), _tensors("clip_prompt_judges_vit_l_14")["violence.prompts"])


HEADS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"laion-nsfw": laion_nsfw, "q16": q16, "violence": violence}


def _checked(embeddings: np.ndarray) -> np.ndarray:
    embeddings = np.asarray(embeddings, np.float64)
    if embeddings.ndim != 2 or embeddings.shape[1] != WIDTH:
        raise JudgeError(
            f"The heads read embeddings of shape (n, {WIDTH}), not {embeddings.shape}. They belong to {ENCODER} alone."
        )
    lengths = np.linalg.norm(embeddings, axis=1)
    if not (np.abs(lengths - 1) <= _UNIT_TOLERANCE).all():  # which NaN is not
        raise JudgeError("The heads read L2-normalised embeddings. Divide each by its length first.")
    return embeddings


def _second_of_two(embeddings: np.ndarray, prompts: np.ndarray) -> np.ndarray:
    first, second = LOGIT_SCALE * (embeddings @ prompts.T.astype(np.float64)).T
    return _sigmoid(second - first)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -700, 700)))


@cache
def _tensors(name: str) -> dict[str, np.ndarray]:
    return load_file(_FOLDER / f"{name}.safetensors")
