import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

import safeclip
from safeclip.errors import GalleryError, ProfileError, SafeClipError


def run(code):
    """Run code in a fresh interpreter and return what it prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_and_opening_load_no_heavy_module():
    heavy = "{'numpy', 'torch', 'transformers', 'faiss', 'PIL', 'pyarrow', 'peft', 'gradio'}"
    code = f"import sys, safeclip; lab = safeclip.open('emoji'); print(lab.profile.name, {heavy} & set(sys.modules))"
    assert run(code) == "emoji set()"


def test_the_library_never_imports_the_packages_above_it():
    above = {"gradio", "training", "index_builder", "demo"}
    for path in Path(safeclip.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            assert not {name.split(".")[0] for name in names} & above, path


def test_the_package_exports_a_handful_of_names():
    for name in safeclip.__all__:
        assert getattr(safeclip, name) is not None
    assert len(safeclip.__all__) <= 8
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = safeclip.Nothing


def test_every_error_is_a_safe_clip_error_with_a_docstring():
    from safeclip import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) == 14
    for kind in kinds:
        assert issubclass(kind, SafeClipError)
        assert kind.__doc__


def test_a_lab_makes_each_part_once(tiny_lab):
    assert tiny_lab.gallery is tiny_lab.gallery is tiny_lab.retrieval.gallery
    assert tiny_lab.encoders is tiny_lab.encoders is tiny_lab.retrieval.encoders
    assert tiny_lab.retrieval is tiny_lab.retrieval


def test_a_profile_opens_by_path_by_name_and_as_itself(tiny_profile):
    assert safeclip.open(tiny_profile).profile.name == "tiny"
    assert safeclip.open(str(tiny_profile)).profile.title == "Tiny"
    assert safeclip.open().profile.name == "emoji"
    profile = safeclip.open(tiny_profile).profile
    assert safeclip.open(profile).profile is profile


def test_a_profile_without_the_task_is_reported(tmp_path):
    path = tmp_path / "bare.toml"
    path.write_text(
        "title = 'Bare'\ndescription = ''\nlicense = ''\nseats = [{ key = 'a', label = 'A', checkpoint = 'nowhere' }]\n"
    )
    lab = safeclip.open(path)
    for part in ("gallery", "retrieval"):
        with pytest.raises(ProfileError, match=r"“bare” has no \[retrieval\] section"):
            getattr(lab, part)
    with pytest.raises(ProfileError, match=r"“bare” has no \[generation\] section"):
        _ = lab.generation
    with pytest.raises(ProfileError, match=r"“bare” has no \[captioning\] section"):
        _ = lab.captioning


def test_a_missing_gallery_is_reported(tmp_path):
    path = tmp_path / "far.toml"
    path.write_text(
        "title = 'Far'\ndescription = ''\nlicense = ''\nseats = [{ key = 'a', label = 'A', checkpoint = 'nowhere' }]\n"
        "[retrieval]\ngallery = 'nowhere'\nindex = 'nowhere'\n"
    )
    with pytest.raises(GalleryError, match="nowhere"):
        _ = safeclip.open(path).retrieval


@pytest.mark.parametrize("task", ["generation", "captioning"])
def test_a_task_needs_no_section_of_another(request, tiny_lab, task):
    """A profile with one task alone answers, without a gallery or an index."""
    complete = request.getfixturevalue({"generation": "painting_lab", "captioning": "talking_lab"}[task]).profile
    image = tiny_lab.gallery.image(tiny_lab.gallery.items[0].image_id)
    lab = safeclip.open(dataclasses.replace(complete, retrieval=None), device="cpu")
    if task == "generation":
        answer = lab.generation.compare("a dog", steps=1, judge=False)
    else:
        answer = lab.captioning.compare(image, max_new_tokens=2)
    assert list(answer) == ["original", "safe", "ours"]
    assert all(each.error is None for each in answer.values())
    with pytest.raises(ProfileError, match=r"no \[retrieval\] section"):
        _ = lab.retrieval


def test_a_task_imports_no_other_task():
    """Each is imported by a fork of one process that has imported torch and what both stand on."""
    code = """
import importlib, os, sys
import safeclip.shared_model
for task in ("generation", "captioning"):
    if os.fork():
        assert os.wait()[1] == 0
    else:
        importlib.import_module(f"safeclip.{task}.compare")
        tasks = {name.split(".")[1] for name in sys.modules if name.startswith("safeclip.")}
        print(task, tasks & {"retrieval", "generation", "captioning"}, {"faiss", "pyarrow"} & set(sys.modules))
        sys.exit()
"""
    assert run(code).splitlines() == [f"{task} {{'{task}'}} set()" for task in ("generation", "captioning")]
