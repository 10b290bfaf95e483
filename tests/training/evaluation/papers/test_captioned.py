"""Rows of captions and the images that they name, by path, file name, address or number."""

import json

import pytest
from PIL import Image

from training.errors import DataError
from training.evaluation.papers.measurements.captioned import read_captioned
from training.evaluation.papers.spec import CaptionedSpec

AMBIGUOUS = "image is ambiguous: several files have its name"


@pytest.fixture
def spec_of(tmp_path):
    """spec_of({file below the folder: colour}, *image names) → the specification of a row for each name."""

    def write(files: dict[str, str], *names: str | int) -> CaptionedSpec:
        for name, colour in files.items():
            (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), colour).save(tmp_path / "images" / name)
        rows = [{"file": name, "safe": f"safe {i}", "nsfw": f"unsafe {i}"} for i, name in enumerate(names)]
        (tmp_path / "rows.json").write_text(json.dumps(rows))
        return CaptionedSpec("own", str(tmp_path / "rows.json"), str(tmp_path / "images"), image="file")

    return write


def found_by(spec: CaptionedSpec) -> tuple[dict[str, str], dict[str, int]]:
    kept, skipped = read_captioned(spec)
    return {each.text: each.path.relative_to(spec.images).as_posix() for each in kept}, skipped


def test_an_image_is_found_by_its_path_before_its_name(spec_of):
    spec = spec_of({"a/1.png": "red", "b/1.png": "blue"}, "a/1.png", "./b/1.png", "1.png", "http://host/c/1.png", 1)
    assert found_by(spec) == ({"safe 0": "a/1.png", "safe 1": "b/1.png"}, {AMBIGUOUS: 3})


def test_a_name_an_address_or_a_number_finds_the_only_image_or_copies_of_it(spec_of):
    files = {"a/1.png": "red", "b/1.png": "red", "b/2.png": "blue", "c/COCO_val2014_0003.png": "lime"}
    spec = spec_of(files, "1.png", "https://host/of/2.png", 3, "4.png")
    expected = {"safe 0": "a/1.png", "safe 1": "b/2.png", "safe 2": "c/COCO_val2014_0003.png"}
    assert found_by(spec) == (expected, {"image is missing": 1})


def test_a_missing_folder_is_named_with_how_to_get_its_images(spec_of):
    spec = spec_of({}, "https://host/1.png")
    with pytest.raises(DataError, match="images: there is no such folder of images. Download the images that the col"):
        read_captioned(spec)
