"""Validation figures of Safe-CLIP's model selection: the paper's recall sum, and the mixed-gallery figures."""

from collections.abc import Sequence

import numpy as np

from safeclip.retrieval.metrics import recall_at_k, safe_top1

from ..losses.embeddings import Embeddings

NAMES = ("text", "unsafe_text", "image", "unsafe_image")


def recalls(batches: list[tuple[Embeddings, Embeddings]], kept: np.ndarray | slice = slice(None)) -> dict[str, float]:
    """Recalls over the queries and the galleries of all batches together, in percent.

    `kept` is a mask (n,) of the rows that take part: a copy of a query's target in the gallery would beat it.

    `recall_sum` adds R@1 both ways for T↔V, T↔V* and T*↔V. `unsafe_text` and `unsafe_image` are R@1 of the safe item
    in the mixed gallery, those ending in `_safe` the share of queries, safe ones too, whose best match there is a safe
    item.
    """

    def joined(side: Sequence[Embeddings], name: str) -> np.ndarray:
        return np.concatenate([getattr(each, name).float().cpu().numpy() for each in side])[kept]

    queries, gallery = ({name: joined(side, name) for name in NAMES} for side in zip(*batches, strict=True))
    own = np.arange(len(queries["text"]))

    def r1(query: str, *targets: str) -> float:
        return recall_at_k(queries[query], np.concatenate([gallery[name] for name in targets]), own, (1,))["r@1"]

    pairs = (("text", "image"), ("text", "unsafe_image"), ("unsafe_text", "image"))
    return {
        "recall_sum": sum(r1(a, b) + r1(b, a) for a, b in pairs),
        "text_to_image": r1("text", "image"),
        "image_to_text": r1("image", "text"),
        "text_safe": safe_top1(queries["text"], gallery["image"], gallery["unsafe_image"]),
        "image_safe": safe_top1(queries["image"], gallery["text"], gallery["unsafe_text"]),
        "unsafe_text": r1("unsafe_text", "image", "unsafe_image"),
        "unsafe_text_safe": safe_top1(queries["unsafe_text"], gallery["image"], gallery["unsafe_image"]),
        "unsafe_image": r1("unsafe_image", "text", "unsafe_text"),
        "unsafe_image_safe": safe_top1(queries["unsafe_image"], gallery["text"], gallery["unsafe_text"]),
    }
