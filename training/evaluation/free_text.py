"""Scores encoders on free sentences: how often a relevant scene, by caption or image, is among the first few found."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..data.open_world.items import OpenWorld
from ..data.open_world.scenes.scene import Scene
from ..data.open_world.sets.texts import FreeSentence, free_sentences, shown_in

FOUND_AMONG = 5  # a sentence counts as understood when something relevant is among so many
TextEncoder = Callable[[Sequence[str]], np.ndarray]  # texts → float (texts, d), L2-normalised
SceneEncoder = Callable[[Sequence[Scene]], np.ndarray]  # scenes, which it paints → float (scenes, d), L2-normalised


def understood(scores: np.ndarray, relevant: np.ndarray, k: int = FOUND_AMONG) -> np.ndarray:
    """Whether something relevant is among the k of highest score, bool (n,): scores float, relevant bool, (n, m)."""
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(relevant, first, axis=1).any(axis=1)


def is_relevant(sentences: Sequence[FreeSentence], scenes: Iterable[Scene]) -> np.ndarray:
    """Whether a scene shows a concept that a sentence may mean: bool (sentences, scenes)."""
    shown = [shown_in(scene) for scene in scenes]
    return np.array([[not sentence.relevant.isdisjoint(names) for names in shown] for sentence in sentences])


def free_text_figures(
    encoders: Mapping[str, TextEncoder], captions: int, seed: int = 0, images: Mapping[str, SceneEncoder] | None = None
) -> dict[str, Any]:
    """Percent of the sentences that each encoder has `understood`, over the first `captions` scenes of `seen`'s test.

    `images` maps some of the encoders to what embeds the scenes' images; sentences of those are looked for among the
    images too, under the name with `_images` behind it. Also returned: `sentences` and `captions`, their numbers; `k`;
    and `possible`, the percentage of the sentences that any caption is relevant to.
    """
    sentences = free_sentences()
    world = OpenWorld("seen", "test", seed)
    pairs = [world.pair(index) for index in range(captions)]
    relevant = is_relevant(sentences, (pair.scene for pair in pairs))
    found = {}
    for name, encode in encoders.items():
        asked = encode([sentence.text for sentence in sentences])
        found[name] = _share(asked, encode([pair.caption.text for pair in pairs]), relevant)
        if images and name in images:
            painted = images[name]([pair.scene for pair in pairs])
            found[f"{name}_images"] = _share(asked, painted, relevant)
    possible = 100 * float(relevant.any(axis=1).mean())
    return {"sentences": len(sentences), "captions": captions, "k": FOUND_AMONG, "possible": possible, **found}


def _share(sentences: np.ndarray, found: np.ndarray, relevant: np.ndarray) -> float:
    """Percent understood by cosine: both float, L2-normalised."""
    return 100 * float(understood(sentences @ found.T, relevant).mean())
