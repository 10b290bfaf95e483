"""What a report says of gallery, index, disk and folders, and that it needs no torch."""

import dataclasses
import subprocess
import sys

import pytest

from safeclip import preflight
from safeclip.errors import ProfileError
from safeclip.profiles import GenerationSpec, RetrievalSpec
from tests.safeclip.preflight.machines import BIG, CPU


def test_a_full_disk_is_reported(profile, served, monkeypatch):
    monkeypatch.setattr("safeclip.preflight.report.free_disk_gb", lambda folder: 0.0)
    (problem,) = preflight.inspect(profile, BIG).problems
    assert "make room, or set HF_HOME" in problem


def test_without_a_gallery_and_then_without_an_index_it_says_how_to_make_them(profile, served, tiny_gallery, tmp_path):
    nothing = dataclasses.replace(profile, retrieval=RetrievalSpec(str(tmp_path / "g"), str(tmp_path / "i")))
    (problem,) = preflight.inspect(nothing, BIG).problems
    assert "index_builder import IMAGES" in problem and f"index_builder --profile {profile.name}" in problem
    no_index = dataclasses.replace(profile, retrieval=RetrievalSpec(str(tiny_gallery), str(tmp_path / "i")))
    (problem,) = preflight.inspect(no_index, BIG).problems
    assert problem == f"There is no index for CLIP, Safe-CLIP yet: python -m index_builder --profile {profile.name}"


def test_commands_name_the_profile_as_it_was_asked_for(profile, served, tiny_lab, tiny_gallery, tmp_path):
    report = preflight.inspect(tiny_lab.profile, CPU, named="my own.toml")
    assert str(report).endswith("It can run: python app.py --profile 'my own.toml'")
    no_index = dataclasses.replace(profile, retrieval=RetrievalSpec(str(tiny_gallery), str(tmp_path / "i")))
    (problem,) = preflight.inspect(no_index, BIG, named="mine.toml").problems
    assert problem.endswith("python -m index_builder --profile mine.toml")


def test_a_folder_that_is_not_there_is_a_problem_of_its_own(tiny_lab, tmp_path):
    assert preflight.inspect(tiny_lab.profile, CPU).can_run
    gone = dataclasses.replace(tiny_lab.profile.seats[1], adapter=str(tmp_path / "gone"))
    report = preflight.inspect(dataclasses.replace(tiny_lab.profile, seats=(gone,)), CPU)
    assert f"{tmp_path / 'gone'}: there is no such checkpoint. Correct its path." in report.problems


def test_models_of_this_machine_are_listed_by_label(tiny_lab):
    report = str(preflight.inspect(tiny_lab.profile, CPU))
    for seat in tiny_lab.profile.seats:
        assert f"  here        {seat.label}: {seat.checkpoint}\n" in report


def test_neither_the_check_nor_what_it_imports_loads_torch():
    code = (
        "import sys; from safeclip import preflight; from safeclip.profiles import load_profile; "
        "preflight.inspect(load_profile('emoji')); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize(("judge", "said"), [("q61", "no judge “q61”. Known judges"), ("scene", "write scene:")])
def test_a_page_does_not_start_with_a_judge_that_there_is_not(profile, judge, said):
    asked = dataclasses.replace(profile, generation=GenerationSpec("x", judges=("opennsfw", judge)))
    with pytest.raises(ProfileError, match=f"“{profile.name}” names a judge wrongly.*{said}"):
        preflight.require_judges(asked)


def test_what_judges_read_is_counted(profile, served, tiny_stable_diffusion):
    generation = GenerationSpec(str(tiny_stable_diffusion), judges=("violence", "q16", "opennsfw"))
    report = preflight.inspect(dataclasses.replace(profile, retrieval=None, generation=generation), BIG)
    assert [state.name for state in report.judge_states] == ["openai/clip-vit-large-patch14"]
    assert "openai/clip-vit-large-patch14" in str(report) and "openai" not in str(report.problems)
