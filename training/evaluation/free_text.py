"""Scores encoders on free sentences: how often a relevant scene, by caption or image, is among the first few found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..data.open_world.items import OpenWorld
from ..data.open_world.scenes.scene import Scene
from ..data.open_world.sets.texts import free_sentences, shown_in

FIRST = 5
TextEncoder = Callable[[Sequence[str]], np.ndarray]  # texts → float (texts, d), L2-normalised
SceneEncoder = Callable[[Sequence[Scene]], np.ndarray]  # scenes, which it paints → float (scenes, d), L2-normalised


def found_among_first(sentences: np.ndarray, captions: np.ndarray, relevant: np.ndarray, k: int = FIRST) -> float:
    """Percent of the sentences with a relevant caption among the k of highest cosine.

    sentences float (n, d), captions float (m, d), both L2-normalised; relevant bool (n, m).
    """
    scores = sentences @ captions.T  # (n, m)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return 100 * float(np.take_along_axis(relevant, first, axis=1).any(axis=1).mean())


def free_text_figures(
    encoders: Mapping[str, TextEncoder], captions: int, seed: int = 0, images: Mapping[str, SceneEncoder] | None = None
) -> dict[str, Any]:
    """`found_among_first` of each encoder, over the first `captions` captioned scenes of the test split `seen`.

    `images` maps some of the encoders to what embeds the scenes' images; sentences of those are looked for among the
    images too, under the name with `_images` behind it. Also returned: `sentences` and `captions`, their numbers; `k`;
    and `possible`, the percentage of the sentences that any caption is relevant to.
    """
    sentences = free_sentences()
    world = OpenWorld("seen", "test", seed)
    pairs = [world.pair(index) for index in range(captions)]
    shown = [shown_in(pair.scene) for pair in pairs]
    relevant = np.array([[not sentence.relevant.isdisjoint(names) for names in shown] for sentence in sentences])
    found = {}
    for name, encode in encoders.items():
        asked = encode([sentence.text for sentence in sentences])
        found[name] = found_among_first(asked, encode([pair.caption.text for pair in pairs]), relevant)
        if images and name in images:
            painted = images[name]([pair.scene for pair in pairs])
            found[f"{name}_images"] = found_among_first(asked, painted, relevant)
    possible = 100 * float(relevant.any(axis=1).mean())
    return {"sentences": len(sentences), "captions": captions, "k": FIRST, "possible": possible, **found}
