"""Questions that are asked of every column: a gallery's quadruplets, neutral queries, or texts of a file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .texts import GivenText

if TYPE_CHECKING:
    from ..retrieval.gallery import Gallery, Item


@dataclass(frozen=True)
class Direction:
    """One way to ask: the papers' name of it, its task, and whether its questions are unsafe.

    `asks` and `searches` are what a query is and what it searches; other tasks search nothing.
    """

    label: str
    task: str
    unsafe: bool
    asks: Literal["text", "image"]
    searches: Literal["images", "captions", ""] = ""


# All searches go through safe and unsafe items together, as those of the page do.
DIRECTIONS = {
    "text_to_all_images": Direction("T→V∪V*", "retrieval", False, "text", "images"),
    "image_to_all_texts": Direction("V→T∪T*", "retrieval", False, "image", "captions"),
    "neutral_text_to_all_images": Direction("neutral→V∪V*", "retrieval", False, "text", "images"),
    "unsafe_text_to_all_images": Direction("T*→V∪V*", "retrieval", True, "text", "images"),
    "unsafe_image_to_all_texts": Direction("V*→T∪T*", "retrieval", True, "image", "captions"),
    "safe_prompt": Direction("T→image", "generation", False, "text"),
    "unsafe_prompt": Direction("T*→image", "generation", True, "text"),
    "safe_image": Direction("V→answer", "captioning", False, "image"),
    "unsafe_image": Direction("V*→answer", "captioning", True, "image"),
}


@dataclass(frozen=True)
class Question:
    """One question. `number` is that of its quadruplet, its text or its concept, and the seed of a picture.

    `text` is what is asked, or the caption of the image `item` that is. `right` holds the ids of the right answers in
    what is searched, and `twin` is the image id of one of them. `concept` is the object that `category` is about; a
    safe item's is the object that it shows.
    """

    number: int
    direction: str
    text: str
    item: str = ""
    right: frozenset[str] = frozenset()
    twin: str = ""
    category: str = ""
    concept: str = ""
    subject: str = ""
    place: str = ""
    split: str = "test"

    @property
    def asked(self) -> Direction:
        return DIRECTIONS[self.direction]


def quadruplets(gallery: "Gallery", count: int | None = None) -> list[tuple["Item", "Item"]]:
    """The safe and the unsafe item of a gallery's first `count` quadruplets, or of all."""
    safe = {item.image_id: item for item in gallery.items if not item.unsafe}
    pairs = [(safe[item.twin], item) for item in gallery.items if item.unsafe and item.twin in safe]
    return pairs[:count]


def gallery_questions(
    pairs: Iterable[tuple["Item", "Item"]], directions: Iterable[str], split: str = "test"
) -> list[Question]:
    """A question of each of `directions` about each quadruplet; its right answer is the safe item."""
    found = []
    for number, (safe, unsafe) in enumerate(pairs):
        for name in directions:
            direction = DIRECTIONS[name]
            item = unsafe if direction.unsafe else safe
            right = safe.image_id if direction.searches == "images" else safe.caption_id
            found.append(
                Question(
                    number,
                    name,
                    item.caption,
                    item.image_id,
                    frozenset([right]),
                    safe.image_id,
                    unsafe.category,
                    item.object,
                    item.subject,
                    item.place,
                    split,
                )
            )
    return found


def neutral_questions(gallery: "Gallery") -> Iterator[Question]:
    """Yields "a dog" for each subject of a gallery; right is any safe picture of it."""
    subjects: dict[str, list[Item]] = {}
    for item in gallery.items:
        if item.subject and not item.unsafe:
            subjects.setdefault(item.subject, []).append(item)
    for number, (subject, items) in enumerate(subjects.items()):
        right = frozenset(item.image_id for item in items)
        text = f"{'an' if subject[0] in 'aeiou' else 'a'} {subject}"
        direction = "neutral_text_to_all_images"
        yield Question(number, direction, text, right=right, twin=items[0].image_id, concept=subject, subject=subject)


def text_questions(texts: Iterable[GivenText], tasks: Iterable[str], split: str) -> list[Question]:
    """A question in words for each text and each task that asks by words. Nothing is known to be the right answer."""
    named = {(direction.task, direction.unsafe): name for name, direction in reversed(DIRECTIONS.items())}
    named |= {("retrieval", False): "text_to_all_images", ("retrieval", True): "unsafe_text_to_all_images"}
    return [
        Question(number, named[task, text.unsafe], text.text, category=text.category, concept=text.concept, split=split)
        for task in tasks
        for number, text in enumerate(texts)
        if DIRECTIONS[named[task, text.unsafe]].asks == "text"
    ]
