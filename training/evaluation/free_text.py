"""Scores text encoders on free sentences: how often a caption of a relevant scene is among the first few found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..data.open_world.items import OpenWorld
from ..data.open_world.sets.texts import free_sentences, shown_in

FIRST = 5
TextEncoder = Callable[[Sequence[str]], np.ndarray]  # texts → float (texts, d), L2-normalised


def found_among_first(sentences: np.ndarray, captions: np.ndarray, relevant: np.ndarray, k: int = FIRST) -> float:
    """Percent of the sentences with a relevant caption among the k of highest cosine.

    sentences float (n, d), captions float (m, d), both L2-normalised; relevant bool (n, m).
    """
    scores = sentences @ captions.T  # (n, m)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return 100 * float(np.take_along_axis(relevant, first, axis=1).any(axis=1).mean())


def free_text_figures(encoders: Mapping[str, TextEncoder], captions: int, seed: int = 0) -> dict[str, Any]:
    """`found_among_first` of each encoder, over the first `captions` captioned scenes of the test split `seen`.

    Also returned: `sentences` and `captions`, their numbers; `k`; and `possible`, the percentage of the sentences that
    any caption is relevant to.
    """
    sentences = free_sentences()
    world = OpenWorld("seen", "test", seed)
    pairs = [world.pair(index) for index in range(captions)]
    shown = [shown_in(pair.scene) for pair in pairs]
    relevant = np.array([[not sentence.relevant.isdisjoint(names) for names in shown] for sentence in sentences])
    found = {}
    for name, encode in encoders.items():
        embedded = encode([sentence.text for sentence in sentences]), encode([pair.caption.text for pair in pairs])
        found[name] = found_among_first(*embedded, relevant)
    possible = 100 * float(relevant.any(axis=1).mean())
    return {"sentences": len(sentences), "captions": captions, "k": FIRST, "possible": possible, **found}
