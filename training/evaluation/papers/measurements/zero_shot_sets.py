"""Data sets of zero-shot classification, as torchvision and CoOp lay them out below one folder, with CLIP's prompts.

These are the eleven of CoOp (Zhou et al., IJCV 2022), which papers on the cost of safe CLIPs average over. Four have no
test split of their own; CoOp's is read where its file `split_zhou_NAME.json` lies beside the images. Nothing is
downloaded.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from safeclip.images.loading import open_image

from ....data.quadruplets.data_sets import ImageColumn, open_split
from ....errors import DataError
from ..spec import LabelledDataSetSpec


class LabelledImages(Protocol):
    """A data set of torchvision: item i is an image and the number of its class."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Image.Image, int]: ...


@dataclass(frozen=True)
class ZeroShotSet:
    """A data set's prompt, and what opens its test split below a folder; where there is none, all of its images.

    `open` returns the images and the names of the classes in order. It raises OSError or RuntimeError when they are not
    there. `layout` says where they are expected, for messages.
    """

    name: str
    prompt: str
    layout: str
    open: Callable[[Path], tuple[LabelledImages, Sequence[str]]]

    @property
    def images(self) -> str:
        """The folder of the images, or of the classes' folders, below the root."""
        return re.split(r"/(?:CLASS|WNID|\*)|\s", self.layout)[0]


def readable(name: str) -> str:
    """A class name as words: "AnnualCrop" → "annual crop", "apple_pie" → "apple pie"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").strip().lower()


def image_folder(root: Path) -> tuple[LabelledImages, Sequence[str]]:
    """A folder with a folder of images for each class."""
    from torchvision.datasets import ImageFolder

    found = ImageFolder(str(root))
    return found, [readable(name) for name in found.classes]


class _LabelledRows:
    """Rows of `datasets` as LabelledImages."""

    def __init__(self, images: ImageColumn, labels: Sequence[int | None]):
        self._images, self._labels = images, labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        label = self._labels[index]
        if label is None or label < 0:  # as the hub's test splits have it where the labels are withheld
            raise ValueError(f"row {index} has no label")
        return self._images.open(index), label


def labelled_rows(spec: LabelledDataSetSpec) -> tuple[LabelledImages, Sequence[str]]:
    """A data set of `datasets`. Raises DataError when it is not there or has no such columns."""
    from datasets import ClassLabel

    rows = open_split(spec.name, spec.split)
    feature = rows.features.get(spec.label)
    if not isinstance(feature, ClassLabel):
        columns = [name for name, each in rows.features.items() if isinstance(each, ClassLabel)]
        raise DataError(
            f"{spec.name}: “{spec.label}” is no column of the feature ClassLabel, which names the classes; "
            f"there are: {', '.join(columns) or 'none'}."
        )
    found = _LabelledRows(ImageColumn(rows, spec.image, spec.name), rows[spec.label][:])
    return found, [readable(name) for name in feature.names]


def _torchvision(name: str, classes: str = "classes", **options: Any) -> Callable:
    def open_set(root: Path) -> tuple[LabelledImages, Sequence[str]]:
        from torchvision import datasets

        found = getattr(datasets, name)(str(root), download=False, **options)
        return found, [readable(each) for each in getattr(found, classes)]

    return open_set


class _ListedImages:
    """Image files with the numbers of their classes, as LabelledImages."""

    def __init__(self, files: Sequence[tuple[Path, int]]):
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        path, label = self._files[index]
        return open_image(path), label


def coop_split(file: Path, images: Path) -> tuple[LabelledImages, Sequence[str]]:
    """The test split of a file of CoOp, whose paths start at `images`. Raises ValueError when it is none."""
    try:
        splits = json.loads(file.read_text(encoding="utf-8"))
        names = {label: name for rows in splits.values() for _, label, name in rows}
        classes = [readable(names[label]) for label in range(len(names))]
        return _ListedImages([(images / path, label) for path, label, _ in splits["test"]]), classes
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise ValueError(f"{file.name} is no file of CoOp's splits") from error


def _divided(images: str, name: str, whole: Callable) -> Callable:
    """What opens CoOp's test split of the images in a folder, or the `whole` set where its file is not there."""

    def open_set(root: Path) -> tuple[LabelledImages, Sequence[str]]:
        folder = root / images
        file = folder.parent / f"split_zhou_{name}.json"
        if not file.is_file():
            file = folder / file.name
        return coop_split(file, folder) if file.is_file() else whole(root)

    return open_set


def _imagenet(root: Path) -> tuple[LabelledImages, Sequence[str]]:
    """ImageNet's classes have numbers as folders, in the order of CLIP's names for them."""
    from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES

    found, folders = image_folder(root / "imagenet" / "val")
    if len(folders) != len(IMAGENET_CLASSNAMES):
        raise OSError(f"{root / 'imagenet' / 'val'} has {len(folders)} classes, not {len(IMAGENET_CLASSNAMES)}")
    return found, IMAGENET_CLASSNAMES


SETS = {
    each.name: each
    for each in (
        ZeroShotSet("caltech101", "a photo of a {}.", "caltech101/101_ObjectCategories/CLASS/*.jpg",
                    _divided("caltech101/101_ObjectCategories", "Caltech101",
                             _torchvision("Caltech101", "categories"))),
        ZeroShotSet("dtd", "{} texture.", "dtd/dtd/images/CLASS/*.jpg and dtd/dtd/labels/test1.txt",
                    _torchvision("DTD", split="test")),
        ZeroShotSet("eurosat", "a centered satellite photo of {}.", "eurosat/2750/CLASS/*.jpg",
                    _divided("eurosat/2750", "EuroSAT", _torchvision("EuroSAT"))),
        ZeroShotSet("fgvc-aircraft", "a photo of a {}, a type of aircraft.", "fgvc-aircraft-2013b/data",
                    _torchvision("FGVCAircraft", split="test")),
        ZeroShotSet("flowers102", "a photo of a {}, a type of flower.", "flowers-102/jpg/*.jpg and its .mat files",
                    _torchvision("Flowers102", split="test")),
        ZeroShotSet("food101", "a photo of {}, a type of food.", "food-101/images/CLASS/*.jpg and food-101/meta",
                    _torchvision("Food101", split="test")),
        ZeroShotSet("imagenet", "a photo of a {}.", "imagenet/val/WNID/*.JPEG", _imagenet),
        ZeroShotSet("oxford-pets", "a photo of a {}, a type of pet.", "oxford-iiit-pet/images and annotations",
                    _torchvision("OxfordIIITPet", split="test")),
        ZeroShotSet("stanford-cars", "a photo of a {}.", "stanford_cars/cars_test and devkit",
                    _torchvision("StanfordCars", split="test")),
        ZeroShotSet("sun397", "a photo of a {}.", "SUN397/ClassName.txt and images",
                    _divided("SUN397", "SUN397", _torchvision("SUN397"))),
        ZeroShotSet("ucf101", "a photo of a person doing {}.", "ucf101/UCF-101-midframes/CLASS/*.jpg",
                    _divided("ucf101/UCF-101-midframes", "UCF101",
                             lambda root: image_folder(root / "ucf101" / "UCF-101-midframes"))),
    )
}  # fmt: skip
