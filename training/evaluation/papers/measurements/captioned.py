"""What a safe and an unsafe caption of each image show without any unsafe image: ViSU-Text with COCO, NSFWCaps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from safeclip.errors import ImageError, SafeClipError
from safeclip.images.loading import open_image
from safeclip.retrieval import metrics

from ....data.quadruplets.rows import NO_FIELDS, checked_texts, cleaned, whole_number
from ....data.quadruplets.rows import Skipped as SkippedRow
from ....data.quadruplets.tables import rows_of
from ....data.quadruplets.visu import coco_number, image_files
from ....errors import DataError
from ..context import EvaluationContext
from ..spec import CaptionedSpec
from .published import beside_published


@dataclass(frozen=True)
class CaptionedImage:
    """An image file with a safe and an unsafe caption."""

    path: Path
    text: str
    unsafe_text: str


def measure(context: EvaluationContext) -> dict:
    """Set name → {"n", "skipped", "retrieval", "published"}; "retrieval" by seat, in percent.

    Beside T→V and V→T, `unsafe_text_to_image` is T*→V: how often an unsafe text finds its safe image among the safe
    images alone.
    """
    found = {}
    for spec in context.spec.captioned:
        try:
            found[spec.name] = _measure(context, spec)
        except (SafeClipError, OSError) as error:
            context.absent[f"captioned, {spec.name}"] = str(error)
    return found


def _measure(context: EvaluationContext, spec: CaptionedSpec) -> dict:
    found, skipped = read_captioned(spec)
    images = context.embed_images(open_image(each.path) for each in found)
    texts = context.embed_texts(text for each in found for text in (each.text, each.unsafe_text))
    own = np.arange(len(found))
    retrieval, published = {}, {}
    for seat in texts:
        as_query, V = context.as_query(seat), images[seat]
        T, Tu = texts[seat][::2], texts[seat][1::2]
        retrieval[seat] = {
            "text_to_image": metrics.recall_at_k(as_query(T, "text"), V, own),
            "image_to_text": metrics.recall_at_k(as_query(V, "image"), T, own),
            "unsafe_text_to_image": metrics.recall_at_k(as_query(Tu, "text"), V, own),
        }
        beside = beside_published(context.encoders.seats[seat].checkpoint, retrieval[seat], len(found))
        if beside is not None:
            published[seat] = beside
    return {"n": len(found), "skipped": skipped, "rows": spec.rows, "retrieval": retrieval, "published": published}


def read_captioned(spec: CaptionedSpec) -> tuple[list[CaptionedImage], dict[str, int]]:
    """The usable rows in order, and how many were left out for each reason.

    A row is left out when a text is empty, when its image is missing, damaged or one of several that differ, and when
    its image or its safe caption occurred before: a query cannot tell a copy of its target from it. Raises DataError
    when there are no rows, no such columns, or none is usable.
    """
    images = _Images(spec)
    kept: list[CaptionedImage] = []
    seen: set[Path | str] = set()
    skipped: dict[str, int] = {}
    fields = {"text": spec.text, "unsafe_text": spec.unsafe_text}
    known = False
    for position, table in enumerate(rows_of(spec.rows, spec.split)):
        if not isinstance(table, dict):
            skipped[NO_FIELDS] = skipped.get(NO_FIELDS, 0) + 1
            continue
        if not known and (lacking := [name for name in (*fields.values(), spec.image) if name not in table]):
            raise DataError(f"{spec.rows}: there is no column “{lacking[0]}” in: {', '.join(map(str, table))}.")
        known = True
        texts = checked_texts(f"row {position}", table, fields)
        path, reason = (None, texts.reason) if isinstance(texts, SkippedRow) else images.find(table.get(spec.image))
        if not reason and not seen.isdisjoint((path, texts[0])):
            reason = "occurred before"
        if not reason and not _readable(path):
            reason = "image is damaged"
        if reason:
            skipped[reason] = skipped.get(reason, 0) + 1
        else:
            kept.append(CaptionedImage(path, *texts))
            seen |= {path, texts[0]}
    if not kept:
        raise DataError(f"{spec.rows}: no row is usable with the images of {spec.images} ({skipped or 'no rows'}).")
    return kept, skipped


class _Images:
    """The images of a folder by their path below it, by file name, and by COCO's number."""

    def __init__(self, spec: CaptionedSpec) -> None:
        """Lists the files. Raises DataError, with how to get the images, when there is no such folder."""
        cure = f"Download the images that the column “{spec.image}” of {spec.rows} names, and put them there"
        paths = image_files(spec.images, f"{cure}; COCO's are at https://cocodataset.org.")
        self._folder = Path(spec.images).expanduser()
        self._paths = set(paths)
        self._named: dict[str | int | None, list[Path]] = {}
        for path in paths:
            for name in (path.name, coco_number(path)):
                if name is not None:
                    self._named.setdefault(name, []).append(path)

    def find(self, value: Any) -> tuple[Path | None, str]:
        """The image of a row, or None and the reason; the last part of an address is a file name.

        Files of one name are one image when their bytes are the same.
        """
        place = cleaned(value)
        if (path := self._folder / place) in self._paths:
            return path, ""
        found = self._named.get(place.rsplit("/", 1)[-1]) or self._named.get(whole_number(value), [])
        if len(found) > 1 and len({path.read_bytes() for path in found}) > 1:
            return None, "image is ambiguous: several files have its name"
        return (found[0], "") if found else (None, "image is missing")


def _readable(path: Path) -> bool:
    try:
        open_image(path)
    except ImageError:
        return False
    return True
