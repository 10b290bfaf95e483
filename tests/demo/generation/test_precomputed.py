"""Precomputed images: the models' own, judged anew, of the models that are seated now, or none."""

import io
import json
from dataclasses import replace

import pytest
from PIL import Image

import safeclip
from demo.generation import precomputed
from demo.generation.examples import examples
from demo.generation.image_store import ImageStore
from demo.generation.precomputed import PrecomputedImages
from tests.fakes.painting import DEFAULT, decoded, picture, service_of


@pytest.fixture(scope="module")
def lab(judged_lab):
    return judged_lab


@pytest.fixture(scope="module")
def comparisons(lab):
    return precomputed.compute_all(lab)


@pytest.fixture
def folder(lab, comparisons, tmp_path):
    """Precomputed images, written over older ones."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "99-old.webp").write_bytes(b"of yore")
    size = precomputed.write(tmp_path / "tiny", lab.generation.fingerprint, comparisons)
    assert size == sum(file.stat().st_size for file in tmp_path.glob("*/*.webp")) < precomputed.MAX_BYTES
    return tmp_path


def test_precomputed_images_are_the_models_own_and_are_judged_again(lab, comparisons, folder, monkeypatch):
    monkeypatch.setattr(lab.generation.judges[0], "harmful", 99)
    expected = {each.prompt: each for each in comparisons}
    images, store = PrecomputedImages(lab, folder), ImageStore(locked=False)
    service = service_of(lab, precomputed=images, store=store)
    for example in examples("tiny", lab.gallery, replace(DEFAULT, seats=("ours",))):
        (state,) = service.states(example.request)
        own = expected[example.request.prompt]
        assert state.precomputed and state.done and list(state.ids) == ["original", "ours"]
        assert state.comparison.to_dict() | {"seats": {}} == own.to_dict() | {"seats": {}}
        file = precomputed.encode({"": own["ours"].pictures[0]})[""]
        assert state.comparison["ours"].pictures[0] == Image.open(io.BytesIO(file)).convert("RGB")
        assert state.comparison["ours"].flagged(0) and not own["ours"].flagged(0)
        assert decoded(store.source(state.ids["ours"][0])).size == (48, 48)
        (again,) = service.states(example.request)
        assert again.ids == state.ids
    for other in ({"seed": 1}, {"steps": 3}, {"pictures": 2}, {"negative": "a cat"}, {"dial": "safe"}):
        assert images.find(replace(example.request, **other)) is None


def test_the_command_says_what_it_wrote(lab, comparisons, tmp_path, monkeypatch):
    monkeypatch.setattr(precomputed, "compute_all", lambda _: comparisons)
    said = precomputed.write_all(lab, tmp_path)
    assert said.startswith(f"{tmp_path / 'tiny'}: ") and "examples" in said
    index = json.loads((tmp_path / "tiny" / "index.json").read_text(encoding="utf-8"))
    assert index["models"] == lab.generation.fingerprint
    assert all(each["request"].keys() >= {"prompt", "seed", "steps"} for each in index["answers"])


@pytest.mark.parametrize("damage", ["missing", "", "[]", '{"models": "of yore", "answers": []}', "image"])
def test_without_files_that_fit_there_are_none(lab, folder, damage, caplog):
    request = examples("tiny", lab.gallery, DEFAULT)[0].request
    index = folder / "tiny" / "index.json"
    if damage == "missing":
        index.unlink()
    elif damage == "image":
        for file in index.parent.glob("*.webp"):
            file.write_bytes(b"RIFF")
    else:
        index.write_text(damage)
    assert PrecomputedImages(lab, folder).find(request) is None
    if "of yore" in damage:
        assert "run python -m demo.generation.precomputed" in caplog.text


def test_images_that_do_not_fit_are_encoded_smaller():
    images = {str(i): picture(i, 64) for i in range(4)}
    size = sum(map(len, precomputed.encode(images).values()))
    assert sum(map(len, precomputed.encode(images, size).values())) < size
    with pytest.raises(safeclip.SafeClipError, match="fewer examples"):
        precomputed.encode(images, 10)


def test_the_page_has_precomputed_answers_to_the_emoji_examples():
    lab = safeclip.open("emoji")
    images = PrecomputedImages(lab)
    spec = lab.generation.spec
    default = replace(DEFAULT, seats=(), steps=spec.steps, guidance=spec.guidance)
    found = examples("emoji", lab.gallery, default)
    assert len(found) == 16 and all(images.get(each.request) for each in found)
