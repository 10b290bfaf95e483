"""Validation figures of Safe-CLIP's model selection: the paper's recall sum, and the mixed-gallery figures."""

import numpy as np

from safeclip.retrieval.metrics import directions, recall_at_k

from ..losses.embeddings import Embeddings


def recalls(parts: list[Embeddings]) -> dict[str, float]:
    """Recalls of the embeddings of all batches together, in percent.

    `recall_sum` adds R@1 both ways for T↔V, T↔V* and T*↔V; safeclip.retrieval.metrics defines the others.
    """
    names = ("text", "unsafe_text", "image", "unsafe_image")
    T, Tu, V, Vu = (np.concatenate([getattr(part, name).float().cpu().numpy() for part in parts]) for name in names)
    own = np.arange(len(T))
    both_ways = [(a, b) for pair in ((T, V), (T, Vu), (Tu, V)) for a, b in (pair, pair[::-1])]
    measured = directions(T, Tu, V, Vu)
    by_text, by_image = measured["unsafe_text_to_all_images"], measured["unsafe_image_to_all_texts"]
    return {
        "recall_sum": sum(recall_at_k(queries, gallery, own, (1,))["r@1"] for queries, gallery in both_ways),
        "text_to_image": measured["text_to_image"]["r@1"],
        "image_to_text": measured["image_to_text"]["r@1"],
        "unsafe_text": by_text["r@1"],
        "unsafe_text_safe": by_text["safe_top1"],
        "unsafe_image": by_image["r@1"],
        "unsafe_image_safe": by_image["safe_top1"],
    }
