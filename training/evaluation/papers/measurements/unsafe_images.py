"""Real unsafe images of a user's own, searched together with the safe images and texts of the quadruplets."""

from safeclip.images.loading import open_image
from safeclip.retrieval import metrics

from ..context import EvaluationContext
from .files import images_below
from .quadruplets import embedded_quadruplets


def measure(context: EvaluationContext) -> dict:
    """{"n", "distractors", "safe_top1": seat → direction → percent}, as in Table 4 of the HySAC paper.

    `unsafe_text_to_all_images`: unsafe texts search the real unsafe images among the safe ones of the quadruplets.
    `unsafe_image_to_all_texts`: the real unsafe images search the safe and unsafe texts. An image that cannot be read
    is an error that names it.
    """
    quadruplets = context.once(embedded_quadruplets)
    paths = images_below(context.spec.unsafe_images.folder)
    images = context.embed_images(open_image(path) for path in paths)
    found = {}
    for seat, unsafe in images.items():
        own = quadruplets.by_seat[seat]
        found[seat] = {
            "unsafe_text_to_all_images": metrics.safe_top1(own.unsafe_text, own.image, unsafe),
            "unsafe_image_to_all_texts": metrics.safe_top1(unsafe, own.text, own.unsafe_text),
        }
    return {"n": len(paths), "distractors": len(quadruplets.categories), "safe_top1": found}
