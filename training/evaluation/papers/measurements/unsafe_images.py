"""Real unsafe images of a user's own, searched together with the safe images and texts of the quadruplets."""

from safeclip.retrieval import metrics

from ..context import EvaluationContext
from .files import images_below, readable_images
from .quadruplets import embedded_quadruplets


def measure(context: EvaluationContext) -> dict:
    """{"n", "skipped", "distractors", "safe_top1": seat → direction → percent}, as in Table 4 of the HySAC paper.

    `unsafe_text_to_all_images`: unsafe texts search the real unsafe images among the safe ones of the quadruplets.
    `unsafe_image_to_all_texts`: the real unsafe images search the safe and unsafe texts. `skipped` says which images
    cannot be read.
    """
    quadruplets = context.once(embedded_quadruplets)
    paths = images_below(context.spec.unsafe_images.folder)
    damaged: list[str] = []
    images = context.embed_images(readable_images(paths, damaged))
    found = {}
    for seat, unsafe in images.items():
        own = quadruplets.by_seat[seat]
        found[seat] = {
            "unsafe_text_to_all_images": metrics.safe_top1(own.unsafe_text, own.image, unsafe),
            "unsafe_image_to_all_texts": metrics.safe_top1(unsafe, own.text, own.unsafe_text),
        }
    n = len(paths) - len(damaged)
    return {"n": n, "skipped": damaged, "distractors": len(quadruplets.categories), "safe_top1": found}
