"""The four directions of ViSU, the paired preferences and SafeGround, on quadruplets of any source."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from PIL import Image

from safeclip.retrieval import metrics

from ....data.quadruplets.repeats import SafeItems
from ....data.quadruplets.schema import QuadrupletSource
from ....data.sources import open_source
from ...quadruplets import QuadrupletEmbeddings
from ..context import EvaluationContext, Unavailable


@dataclass(frozen=True)
class EmbeddedQuadruplets:
    """The quadruplets of a source with every usable seat's embeddings. `skipped` rows were left out of it.

    `repeated` others too, whose safe image or text occurred before: a query cannot tell a copy of its target from it.
    """

    by_seat: dict[str, QuadrupletEmbeddings]
    categories: list[str]
    skipped: int
    repeated: int


def embedded_quadruplets(context: EvaluationContext) -> EmbeddedQuadruplets:
    """Embeds the quadruplets of the evaluation; each is opened once.

    Raises Unavailable when the evaluation names none, DataError when they cannot be read.
    """
    asked = context.spec.quadruplets
    if asked is None:
        raise Unavailable("There are no quadruplets: add a table [quadruplets].")
    source = open_source(asked.data, asked.split, context.options)
    captions: list[str] = []
    categories: list[str] = []
    repeated: list[int] = []
    images = context.embed_images(_images(source, captions, categories, repeated))
    texts = context.embed_texts(captions)
    by_seat = {
        seat: QuadrupletEmbeddings(texts[seat][::2], texts[seat][1::2], images[seat][::2], images[seat][1::2])
        for seat in texts
    }
    return EmbeddedQuadruplets(by_seat, categories, len(getattr(source, "skipped", ())), len(repeated))


def measure(context: EvaluationContext) -> dict:
    """{"n", "split", "data", "skipped", "repeated", "retrieval", "paired", "safeground", "by_category"}, the last four
    by seat, in percent."""
    asked, embedded = context.spec.quadruplets, context.once(embedded_quadruplets)
    rows = {seat: tuple(vars(each).values()) for seat, each in embedded.by_seat.items()}
    by = {seat: context.as_query(seat) for seat in rows}
    return {
        "n": len(embedded.categories),
        "split": asked.split,
        "data": {name: table for name, table in asdict(asked.data).items() if table is not None},
        "skipped": embedded.skipped,
        "repeated": embedded.repeated,
        "retrieval": {seat: metrics.directions(*each, as_query=by[seat]) for seat, each in rows.items()},
        "paired": {seat: metrics.paired(*each, as_query=by[seat]) for seat, each in rows.items()},
        "safeground": {
            seat: {
                name: 100 * float(held.mean()) for name, held in metrics.safeground(*each, as_query=by[seat]).items()
            }
            for seat, each in rows.items()
        },
        "by_category": {
            seat: metrics.by_category(embedded.categories, *each, as_query=by[seat]) for seat, each in rows.items()
        },
    }


def _images(
    source: QuadrupletSource, captions: list[str], categories: list[str], repeated: list[int]
) -> Iterator[Image.Image]:
    """Yields the safe and the unsafe image of every quadruplet, but for those whose safe image or text came before.

    The lists collect both texts and the category, and the numbers of what is left out.
    """
    known = SafeItems()
    for index in range(len(source)):
        item = source.item(index)
        if not known.keep(item.text, item.image):
            repeated.append(index)
            continue
        captions += (item.text, item.unsafe_text)
        categories.append(item.category)
        yield from (item.image, item.unsafe_image)
