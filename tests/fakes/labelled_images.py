"""Data sets of zero-shot classification in torchvision's folder layouts, with images of one colour."""

from pathlib import Path

from PIL import Image

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}


def write_class_folders(root: Path, names: list[str], each: int = 2) -> None:
    """A folder of `each` images for each class."""
    for number, name in enumerate(names):
        folder = root / name
        folder.mkdir(parents=True)
        colour = list(COLOURS.values())[number % len(COLOURS)]
        for i in range(each):
            Image.new("RGB", (40, 40), colour).save(folder / f"{i:03}.jpg")


def write_eurosat(root: Path) -> None:
    write_class_folders(root / "eurosat" / "2750", ["AnnualCrop", "SeaLake"])


def write_dtd(root: Path) -> None:
    write_class_folders(root / "dtd" / "dtd" / "images", ["banded", "dotted", "woven"])
    labels = root / "dtd" / "dtd" / "labels"
    labels.mkdir(parents=True)
    (labels / "test1.txt").write_text("banded/000.jpg\ndotted/000.jpg\nwoven/001.jpg\n")


def write_sun397(root: Path) -> None:
    folder = root / "SUN397"
    write_class_folders(folder / "a", ["abbey", "alley"])
    for path in sorted(folder.glob("a/*/*.jpg")):
        path.rename(path.with_name(f"sun_{path.name}"))
    (folder / "ClassName.txt").write_text("/a/abbey\n/a/alley\n")
