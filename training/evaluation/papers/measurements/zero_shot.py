"""Zero-shot classification, the cost of safety: what each data set's accuracy was, and what is left of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from safeclip.errors import SafeClipError, first_line

from ....errors import DataError
from ...zero_shot import accuracy
from ..context import EvaluationContext, Unavailable, spread
from ..spec import LabelledDataSetSpec
from .zero_shot_sets import SETS, LabelledImages, ZeroShotSet, image_folder, labelled_rows

PROMPT = "a photo of a {}."


class NoImage(SafeClipError):
    """No image of a data set can be read."""


@dataclass(frozen=True)
class OpenedSet:
    """A data set that is there."""

    images: LabelledImages
    classes: Sequence[str]
    prompt: str


def measure(context: EvaluationContext) -> dict:
    """{"sets": name → figures, "mean": seat → percent, "cost", "missing": name → why}.

    The figures of a set are {"n", "skipped", "classes", "accuracy": seat → percent}; `skipped` images cannot be read.
    "cost" is, by seat, the mean's difference to the first seat's. The mean is over the sets that are there, so it
    compares with a published one only where none is missing.
    """
    measured, missing = {}, {}
    for name, opened in _opened(context):
        if isinstance(opened, Unavailable):
            missing[name] = str(opened)
            continue
        try:
            measured[name] = _measure(context, opened)
        except NoImage as error:
            missing[name] = f"not measured, as no image can be read ({error})."
    if not measured:
        raise Unavailable(
            " ".join(f"{name}: {why}" for name, why in missing.items())
            or "Name a root, folders or data_sets in [zero_shot]."
        )
    seats = next(iter(measured.values()))["accuracy"]
    mean = {seat: float(np.mean([each["accuracy"][seat] for each in measured.values()])) for seat in seats}
    reference = mean[next(iter(mean))]
    cost = {seat: value - reference for seat, value in mean.items()}
    return {"sets": measured, "mean": mean, "cost": cost, "missing": missing}


def _opened(context: EvaluationContext) -> Iterator[tuple[str, OpenedSet | Unavailable]]:
    spec = context.spec.zero_shot
    if unknown := sorted(set(spec.sets) - set(SETS)):
        raise Unavailable(f"There is no data set {', '.join(unknown)}. Known ones: {', '.join(SETS)}.")
    for name in spec.sets or (SETS if spec.root else ()):
        yield name, _open(SETS[name], Path(spec.root).expanduser())
    paths = [Path(folder).expanduser() for folder in spec.folders]
    names = [path.name for path in paths]
    for path in paths:
        name = path.name if names.count(path.name) == 1 and path.name not in SETS else str(path)
        yield name, _open(ZeroShotSet(name, PROMPT, f"{path}/CLASS/*.jpg", image_folder), path)
    for each in spec.data_sets:
        yield f"{each.name}, {each.split}", _open_data_set(each)


def _open(asked: ZeroShotSet, root: Path) -> OpenedSet | Unavailable:
    try:
        return OpenedSet(*asked.open(root), asked.prompt)
    except ImportError as error:
        return Unavailable(f"not measured, as torchvision needs {error.name} to read it: pip install it.")
    except (OSError, RuntimeError, ValueError) as error:
        return Unavailable(
            f"not measured, as it is not in {root} ({first_line(error)}). "
            f"Put it there as {asked.layout}, the layout of torchvision."
        )


def _open_data_set(asked: LabelledDataSetSpec) -> OpenedSet | Unavailable:
    if "{}" not in asked.prompt:
        return Unavailable(f"not measured, as its prompt “{asked.prompt}” has no {{}} for the names of the classes.")
    try:
        return OpenedSet(*labelled_rows(asked), asked.prompt)
    except DataError as error:
        return Unavailable(
            f"not measured ({error}). Name a folder that save_to_disk wrote, or a data set of the hub that this "
            "machine may read, with its split and columns."
        )


def _measure(context: EvaluationContext, opened: OpenedSet) -> dict:
    chosen = spread(range(len(opened.images)), context.spec.zero_shot.limit)
    targets: list[int] = []

    def images() -> Iterator[Image.Image]:
        fault = ""
        for index in chosen:
            try:
                image, target = opened.images[index]
            except Exception as error:  # a broken file leads Pillow's readers to anything
                fault = fault or first_line(error)
                continue
            targets.append(target)
            yield image
        if not targets:
            raise NoImage(fault)

    looked = context.embed_images(images())
    classes = context.embed_texts(opened.prompt.replace("{}", name) for name in opened.classes)
    by_seat = {seat: accuracy(looked[seat], classes[seat], targets) for seat in looked}
    skipped = len(chosen) - len(targets)
    return {"n": len(targets), "skipped": skipped, "classes": len(opened.classes), "accuracy": by_seat}
