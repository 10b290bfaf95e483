"""Real unsafe images of a user's own, searched together with the safe images and texts of the quadruplets."""

from collections.abc import Callable, Sequence
from typing import Any

from safeclip.images.loading import open_image
from safeclip.retrieval import metrics

from ....data.quadruplets.data_sets import ImageColumn, open_split
from ..context import EvaluationContext, Unavailable
from ..spec import UnsafeImagesSpec
from .files import images_below, readable_images
from .quadruplets import embedded_quadruplets


def measure(context: EvaluationContext) -> dict:
    """{"n", "skipped", "distractors", "safe_top1": seat → direction → percent}, as in Table 4 of the HySAC paper.

    `unsafe_text_to_all_images`: unsafe texts search the real unsafe images among the safe ones of the quadruplets.
    `unsafe_image_to_all_texts`: the real unsafe images search the safe and unsafe texts. `skipped` says which images
    cannot be read.
    """
    quadruplets = context.once(embedded_quadruplets)
    spec = context.spec.unsafe_images
    if bool(spec.folder) == bool(spec.data_set):
        raise Unavailable("[unsafe_images] needs `folder` or `data_set`, one of the two.")
    places, read = _opened(spec) if spec.data_set else (images_below(spec.folder), open_image)
    damaged: list[str] = []
    images = context.embed_images(readable_images(places, damaged, read))
    found = {}
    for seat, unsafe in images.items():
        own, as_query = quadruplets.by_seat[seat], context.as_query(seat)
        found[seat] = {
            "unsafe_text_to_all_images": metrics.safe_top1(as_query(own.unsafe_text, "text"), own.image, unsafe),
            "unsafe_image_to_all_texts": metrics.safe_top1(as_query(unsafe, "image"), own.text, own.unsafe_text),
        }
    n = len(places) - len(damaged)
    return {"n": n, "skipped": damaged, "distractors": len(quadruplets.categories), "safe_top1": found}


def _opened(spec: UnsafeImagesSpec) -> tuple[Sequence, Callable[[Any], Any]]:
    """The row numbers of a data set, and what opens the image of one."""
    column = ImageColumn(open_split(spec.data_set, spec.split), spec.image, spec.data_set)
    if not len(column):
        raise Unavailable(f"{spec.data_set}: the split “{spec.split}” has no rows.")
    return range(len(column)), column.open
