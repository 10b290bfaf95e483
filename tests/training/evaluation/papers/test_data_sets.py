"""Data sets of `datasets` as sources of an evaluation: of `save_to_disk`, of the hub, and what is wrong with one."""

import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from datasets import Image as ImageFeature
from PIL import Image

from safeclip.encoders.geometry import Cosine
from safeclip.errors import ImageError
from safeclip.retrieval import metrics
from tests.fakes.labelled_images import write_class_folders, write_eurosat
from training.data.quadruplets.data_sets import ImageColumn, open_split
from training.errors import DataError
from training.evaluation.papers.context import Unavailable
from training.evaluation.papers.measurements import unsafe_images, zero_shot
from training.evaluation.papers.measurements.quadruplets import embedded_quadruplets
from training.evaluation.papers.measurements.zero_shot_sets import SETS
from training.evaluation.papers.spec import LabelledDataSetSpec, UnsafeImagesSpec, ZeroShotSpec
from training.evaluation.quadruplets import QuadrupletEmbeddings

COLOURS = ["red", "lime", "blue"]


def png(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def rows_of_images(*cells: dict | bytes | None) -> Dataset:
    features = Features({"number": Value("int32"), "image": ImageFeature()})
    return Dataset.from_dict({"number": list(range(len(cells))), "image": list(cells)}, features=features)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """Three images, then one that is damaged and an empty cell."""
    folder = tmp_path_factory.mktemp("saved")
    cells = [{"bytes": png(colour), "path": None} for colour in COLOURS]
    cells += [{"bytes": b"no image", "path": None}, None]
    DatasetDict({"train": rows_of_images(*cells)}).save_to_disk(folder / "splits")
    return folder / "splits"


class MeanColours:
    """In place of an evaluation: one seat, which embeds an image as its mean colour."""

    def __init__(self, unsafe: UnsafeImagesSpec | None = None, labelled: ZeroShotSpec | None = None):
        self.spec = SimpleNamespace(unsafe_images=unsafe, zero_shot=labelled)
        self.encoders, self.failed = ("seat", "other"), {}

    def embed_images(self, images) -> dict[str, np.ndarray]:
        colours = np.array([np.asarray(image).mean((0, 1)) / 255 for image in images], np.float32)
        return {"seat": colours}

    def embed_texts(self, texts) -> dict[str, np.ndarray]:
        """A text as the colour that its last word names."""
        return self.embed_images([Image.new("RGB", (1, 1), text.split()[-1]) for text in texts])

    def as_query(self, seat: str):
        return Cosine().as_query

    def once(self, make):
        assert make is embedded_quadruplets
        axes = np.eye(3, dtype=np.float32)
        return SimpleNamespace(by_seat={"seat": QuadrupletEmbeddings(axes, -axes, -axes, axes)}, categories=[""] * 3)


class AnyColours(MeanColours):
    """A seat to which all texts are alike."""

    def embed_texts(self, texts) -> dict[str, np.ndarray]:
        return {"seat": np.ones((len(list(texts)), 3), np.float32)}


def test_unsafe_images_of_a_data_set_are_searched_and_the_unreadable_said(saved):
    found = unsafe_images.measure(MeanColours(UnsafeImagesSpec(data_set=str(saved))))
    assert (found["n"], found["distractors"]) == (3, 3)
    assert [each.partition(":")[0] for each in found["skipped"]] == ["row 3", "row 4"]
    axes = np.eye(3, dtype=np.float32)
    assert found["safe_top1"]["seat"] == {
        "unsafe_text_to_all_images": metrics.safe_top1(-axes, -axes, axes),
        "unsafe_image_to_all_texts": metrics.safe_top1(axes, axes, -axes),
    }


@pytest.mark.parametrize("spec", [UnsafeImagesSpec(), UnsafeImagesSpec("folder", "data_set")])
def test_unsafe_images_lie_in_one_place(spec):
    with pytest.raises(Unavailable, match="one of the two"):
        unsafe_images.measure(MeanColours(spec))


def test_a_saved_split_is_read_whatever_split_is_asked(tmp_path):
    rows_of_images({"bytes": png("red"), "path": None}).save_to_disk(tmp_path / "one")
    column = ImageColumn(open_split(str(tmp_path / "one"), "test"), "image", "one")
    assert len(column) == 1 and column.open(0).getpixel((0, 0)) == (255, 0, 0)


def test_an_image_may_be_a_file_of_this_machine_and_no_address(tmp_path):
    (tmp_path / "blue.png").write_bytes(png("blue"))
    places = [str(tmp_path / "blue.png"), str(tmp_path / "gone.png"), "http://127.0.0.1:9/a.png"]
    column = ImageColumn(rows_of_images(*({"bytes": None, "path": place} for place in places)), "image", "mine")
    assert column.open(0).getpixel((0, 0)) == (0, 0, 255)
    for index in (1, 2):
        with pytest.raises(ImageError, match=f"row {index}: .*No such file"):
            column.open(index)


def test_the_hub_is_asked_for_the_revision(monkeypatch):
    asked = []
    monkeypatch.setattr("datasets.load_dataset", lambda *place, **options: asked.append((place, options)))
    open_split("someone/unsafe@v2", "train")
    open_split("someone/unsafe", "test")
    assert asked == [
        (("someone/unsafe",), {"split": "train", "revision": "v2"}),
        (("someone/unsafe",), {"split": "test"}),
    ]


def test_what_is_wrong_with_a_data_set_is_said(saved, tmp_path):
    with pytest.raises(DataError, match="no split “test”, but: train"):
        open_split(str(saved), "test")
    with pytest.raises(DataError, match="“number” is no column of images; there are: number, image"):
        ImageColumn(open_split(str(saved), "train"), "number", str(saved))
    with pytest.raises(DataError, match="neither a folder nor a data set that can be loaded"):
        open_split(str(tmp_path), "train")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory) -> str:
    """Red, lime and blue images, the last called red; then a damaged one and one without a label."""
    folder = tmp_path_factory.mktemp("labelled") / "colours"
    classes = ClassLabel(names=["Red", "Lime", "Blue"])
    features = Features({"img": ImageFeature(), "colour": classes, "number": Value("int32")})
    images = [{"bytes": png(colour), "path": None} for colour in COLOURS] + [{"bytes": b"no", "path": None}]
    rows = {"img": [*images, images[0]], "colour": [0, 1, 0, 1, -1], "number": [0] * 5}
    DatasetDict({"test": Dataset.from_dict(rows, features=features)}).save_to_disk(folder)
    return str(folder)


def test_zero_shot_takes_labels_and_class_names_of_a_data_set(labelled):
    asked = LabelledDataSetSpec(labelled, image="img", label="colour", prompt="{a} photo that is {}")
    gone = LabelledDataSetSpec(labelled, split="train")
    found = zero_shot.measure(MeanColours(labelled=ZeroShotSpec(data_sets=(asked, gone))))
    accuracy = pytest.approx(200 / 3)
    expected = {"n": 3, "skipped": 2, "classes": 3, "accuracy": {"seat": accuracy}}
    assert found["sets"] == {f"{labelled}, test": expected}
    assert list(found["missing"]) == [f"{labelled}, train"]
    assert "there is no split “train”, but: test" in found["missing"][f"{labelled}, train"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": "number"}, "“number” is no column of the feature ClassLabel.*; there are: colour"),
        ({"image": "colour"}, "“colour” is no column of images"),
        ({"prompt": "a photo"}, "“a photo” has no {} for the names"),
    ],
)
def test_what_a_labelled_data_set_lacks_is_said(labelled, changed, said):
    asked = LabelledDataSetSpec(**{"name": labelled, "image": "img", "label": "colour", **changed})
    with pytest.raises(Unavailable, match=said):
        zero_shot.measure(MeanColours(labelled=ZeroShotSpec(data_sets=(asked,))))


def test_one_data_set_in_several_spellings_counts_once(labelled, tmp_path, monkeypatch):
    write_eurosat(tmp_path)
    write_class_folders(tmp_path / "mine", ["red", "blue"])
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    rows = LabelledDataSetSpec(labelled, image="img", label="colour")
    spec = ZeroShotSpec(
        root=".",
        sets=("eurosat", "eurosat"),
        folders=("mine", f"{tmp_path}/mine/", "link", f"{tmp_path}/eurosat/2750"),
        data_sets=(rows, replace(rows, name=f"{labelled}/", prompt="a {}")),
    )
    found = zero_shot.measure(AnyColours(labelled=spec))
    assert list(found["sets"]) == ["eurosat", "mine", f"{labelled}, test"]
    assert found["missing"] == {} and len(found["repeated"]) == 5
    assert f"{tmp_path}/mine/ is the same data set as mine, so it counts once." in found["repeated"]
    assert f"{tmp_path}/eurosat/2750 is the same data set as eurosat, so it counts once." in found["repeated"]


def test_a_seat_that_fails_between_two_data_sets_is_left_out_of_the_mean(labelled, tmp_path):
    class Failing(AnyColours):
        """Another seat beside it, which embeds the images of one data set and then no more."""

        def embed_images(self, images) -> dict[str, np.ndarray]:
            found = super().embed_images(images)
            return found if self.failed else found | {"other": found["seat"]}

        def embed_texts(self, texts) -> dict[str, np.ndarray]:
            found = super().embed_texts(texts)
            self.failed = {"other": "no memory"}
            return found

    write_class_folders(tmp_path / "mine", ["red", "blue"])
    rows = LabelledDataSetSpec(labelled, image="img", label="colour")
    found = zero_shot.measure(Failing(labelled=ZeroShotSpec(folders=(str(tmp_path / "mine"),), data_sets=(rows,))))
    assert len(found["sets"]) == 2 and list(found["mean"]) == list(found["cost"]) == ["seat"]


def test_an_encoder_to_which_all_classes_are_alike_recognises_none():
    images, classes = np.ones((5, 3), np.float32), np.ones((2, 3), np.float32)
    assert zero_shot.accuracy(images, classes, [0, 0, 0, 0, 1]) == 0
    axes = np.eye(3, dtype=np.float32)
    assert zero_shot.accuracy(axes, axes, [0, 1, 0]) == pytest.approx(200 / 3)


def test_two_classes_of_one_name_are_one_class(tmp_path, monkeypatch):
    pictures = [(Image.new("RGB", (4, 4), colour), target) for target, colour in enumerate(["red", "lime", "lime"])]
    doubled = replace(SETS["eurosat"], prompt="{}", open=lambda root: (pictures, ["red", "lime", "lime"]))
    monkeypatch.setitem(SETS, "eurosat", doubled)
    found = zero_shot.measure(MeanColours(labelled=ZeroShotSpec(root=str(tmp_path), sets=("eurosat",))))
    assert found["sets"]["eurosat"]["accuracy"] == {"seat": 100} and found["sets"]["eurosat"]["classes"] == 3


def test_two_columns_of_labels_are_two_data_sets(labelled):
    rows = LabelledDataSetSpec(labelled, image="img", label="colour")
    found = zero_shot.measure(AnyColours(labelled=ZeroShotSpec(data_sets=(rows, replace(rows, label="number")))))
    assert list(found["sets"]) == [f"{labelled}, test, colour"]
    assert list(found["missing"]) == [f"{labelled}, test, number"] and not found["repeated"]


def test_coops_file_gives_the_test_split_of_a_set_without_one(tmp_path):
    write_eurosat(tmp_path)
    assert len(SETS["eurosat"].open(tmp_path)[0]) == 4
    splits = {
        "train": [["SeaLake/000.jpg", 1, "Sea_or Lake"], ["Forest/000.jpg", 2, "Forest"]],
        "test": [["SeaLake/001.jpg", 1, "Sea_or Lake"], ["AnnualCrop/000.jpg", 0, "Annual Crop"]],
    }
    file = tmp_path / "eurosat" / "split_zhou_EuroSAT.json"
    file.write_text(json.dumps(splits))
    images, classes = SETS["eurosat"].open(tmp_path)
    assert classes == ["annual crop", "sea or lake", "forest"]
    assert [images[i][1] for i in range(len(images))] == [1, 0] and images[0][0].getpixel((0, 0))[1] > 200  # green
    file.write_text('{"train": []}')
    with pytest.raises(Unavailable, match="split_zhou_EuroSAT.json is no file of CoOp's splits"):
        zero_shot.measure(MeanColours(labelled=ZeroShotSpec(root=str(tmp_path), sets=("eurosat",))))
