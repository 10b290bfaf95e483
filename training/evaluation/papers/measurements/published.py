"""Figures that papers give for published checkpoints, to stand beside those measured here."""

from collections.abc import Mapping

# R@1, R@10 and R@20 on the test split of ViSU, from Table 1 of the HySAC paper (arXiv 2503.12127).
SOURCE = "HySAC paper, Table 1"
QUADRUPLETS = 5000  # of that test split, about
PUBLISHED: dict[str, dict[str, dict[str, float]]] = {
    "openai/clip-vit-large-patch14": {
        "text_to_image": {"r@1": 36.8, "r@10": 71.6, "r@20": 81.5},
        "image_to_text": {"r@1": 39.8, "r@10": 74.2, "r@20": 83.5},
    },
    "aimagelab/safeclip_vit-l_14": {
        "text_to_image": {"r@1": 45.9, "r@10": 81.8, "r@20": 89.7},
        "image_to_text": {"r@1": 45.3, "r@10": 82.3, "r@20": 89.8},
    },
    "aimagelab/HySAC": {
        "text_to_image": {"r@1": 49.8, "r@10": 84.1, "r@20": 90.7},
        "image_to_text": {"r@1": 48.2, "r@10": 84.2, "r@20": 91.2},
    },
}
MARGIN = 0.5  # points beyond which a figure counts as different


def beside_published(checkpoint: str, measured: Mapping[str, Mapping[str, float]], n: int) -> dict | None:
    """The published figures of a checkpoint with the difference of those `measured` here; None when there are none.

    {"source", "comparable", direction: {figure: {"published", "measured", "difference", "differs"}}}. `comparable` is
    False unless n is within a tenth of the published number of quadruplets, as recall falls with the gallery's size.
    """
    published = PUBLISHED.get(checkpoint.partition("@")[0])
    if published is None:
        return None
    found: dict = {"source": SOURCE, "comparable": abs(n - QUADRUPLETS) <= QUADRUPLETS / 10}
    for direction, figures in published.items():
        found[direction] = {name: _beside(value, measured[direction][name]) for name, value in figures.items()}
    return found


def _beside(published: float, measured: float) -> dict:
    difference = measured - published
    return {
        "published": published,
        "measured": measured,
        "difference": difference,
        "differs": abs(difference) > MARGIN,
    }
