"""Zero-shot classification, the cost of safety: what each data set's accuracy was, and what is left of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from safeclip.errors import SafeClipError, first_line
from safeclip.retrieval.metrics import recall_at_k

from ....errors import DataError
from ..context import EvaluationContext, Unavailable, spread
from ..spec import LabelledDataSetSpec
from .zero_shot_sets import SETS, LabelledImages, ZeroShotSet, image_folder, labelled_rows

PROMPT = "a photo of a {}."
NO_FLAG = " You can use download=True to download it"  # torchvision's advice, which no key of the table can follow


class NoImage(SafeClipError):
    """No image of a data set can be read."""


@dataclass(frozen=True)
class OpenedSet:
    """A data set that is there."""

    images: LabelledImages
    classes: Sequence[str]
    prompt: str


@dataclass(frozen=True)
class _Asked:
    """A data set that the evaluation names by `spelling`; `place` is the same for all spellings of one."""

    name: str
    spelling: str
    place: tuple[str, ...]
    open: Callable[[], OpenedSet | Unavailable]


def measure(context: EvaluationContext) -> dict:
    """{"sets": name → figures, "mean": seat → percent, "cost", "missing": name → why, "repeated": sentences}.

    The figures of a set are {"n", "skipped", "classes", "accuracy": seat → percent}; `skipped` images cannot be read.
    "cost" is, by seat, the mean's difference to the first seat's; both are of the seats that every set has. The mean is
    over the sets that are there. Of Caltech101, EuroSAT, SUN397 and UCF101 all images count unless CoOp's file of
    splits lies there, and then the mean compares with no published one. "repeated" says which were named more than
    once.
    """
    measured, missing = {}, {}
    repeated: list[str] = []
    for asked in _distinct(_asked(context), repeated):
        name, opened = asked.name, asked.open()
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
    seats = [seat for seat in context.encoders if all(seat in each["accuracy"] for each in measured.values())]
    if not seats:
        raise Unavailable("No encoder could be measured on every data set: " + " ".join(context.failed.values()))
    mean = {seat: float(np.mean([each["accuracy"][seat] for each in measured.values()])) for seat in seats}
    reference = mean[next(iter(mean))]
    cost = {seat: value - reference for seat, value in mean.items()}
    return {"sets": measured, "mean": mean, "cost": cost, "missing": missing, "repeated": repeated}


def _distinct(asked: Iterable[_Asked], repeated: list[str]) -> Iterator[_Asked]:
    """Each data set once, as it was first named; `repeated` gets a sentence for every further time."""
    seen: dict[tuple[str, ...], _Asked] = {}
    for each in asked:
        if (first := seen.setdefault(each.place, each)) is each:
            yield each
        else:
            repeated.append(f"{each.spelling} is the same data set as {first.spelling}, so it counts once.")


def _asked(context: EvaluationContext) -> Iterator[_Asked]:
    spec = context.spec.zero_shot
    if unknown := sorted(set(spec.sets) - set(SETS)):
        raise Unavailable(f"There is no data set {', '.join(unknown)}. Known ones: {', '.join(SETS)}.")
    root = Path(spec.root).expanduser()
    for name in spec.sets or (SETS if spec.root else ()):
        yield _Asked(name, name, _place(root / SETS[name].images), partial(_open, SETS[name], root))
    paths = [Path(folder).expanduser() for folder in spec.folders]
    names = Counter(path.name for path in {path.resolve(): path for path in reversed(paths)}.values())
    for spelling, path in zip(spec.folders, paths, strict=True):
        name = path.name if names[path.name] == 1 and path.name not in SETS else str(path)
        classes = ZeroShotSet(name, PROMPT, f"{path}/CLASS/*.jpg", image_folder)
        yield _Asked(name, spelling, _place(path), partial(_open, classes, path))
    columns = Counter(each[:2] for each in {(rows.name, rows.split, rows.label) for rows in spec.data_sets})
    for rows in spec.data_sets:
        name = f"{rows.name}, {rows.split}" + (f", {rows.label}" if columns[rows.name, rows.split] > 1 else "")
        path = Path(rows.name).expanduser()
        place = _place(path) if path.exists() else (rows.name,)
        yield _Asked(name, name, (*place, rows.split, rows.label), partial(_open_data_set, rows))


def _place(path: Path) -> tuple[str]:
    return (str(path.resolve()),)


def _open(asked: ZeroShotSet, root: Path) -> OpenedSet | Unavailable:
    try:
        return OpenedSet(*asked.open(root), asked.prompt)
    except ImportError as error:
        return Unavailable(f"not measured, as torchvision needs {error.name} to read it: pip install it.")
    except (OSError, RuntimeError, ValueError) as error:
        return Unavailable(
            f"not measured, as it is not in {root} ({first_line(error).removesuffix(NO_FLAG).rstrip('.')}). "
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


def accuracy(images: np.ndarray, classes: np.ndarray, targets: Sequence[int]) -> float:
    """Percent of images (n, d) that are nearer to their target than to any other class (c, d); a tie is a miss."""
    return recall_at_k(images, classes, np.asarray(targets), (1,))["r@1"]


def _measure(context: EvaluationContext, opened: OpenedSet) -> dict:
    chosen = spread(range(len(opened.images)), context.spec.zero_shot.limit)
    targets: list[int] = []
    names = list(dict.fromkeys(opened.classes))  # ImageNet has two "missile", which one prompt cannot tell apart

    def images() -> Iterator[Image.Image]:
        fault = ""
        for index in chosen:
            try:
                image, target = opened.images[index]
            except Exception as error:  # a broken file leads Pillow's readers to anything
                fault = fault or first_line(error)
                continue
            targets.append(names.index(opened.classes[target]))
            yield image
        if not targets:
            raise NoImage(fault)

    looked = context.embed_images(images())
    classes = context.embed_texts(opened.prompt.replace("{}", name) for name in names)
    by_seat = {
        seat: accuracy(context.as_query(seat)(rows, "image"), classes[seat], targets)
        for seat, rows in looked.items()
        if seat in classes
    }
    skipped = len(chosen) - len(targets)
    return {"n": len(targets), "skipped": skipped, "classes": len(opened.classes), "accuracy": by_seat}
