"""The index that a page makes while it is up: a spread part first, then the rest; a folder of one's own pictures."""

import dataclasses
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import demo
import safeclip
from demo.common.service import TaskState
from demo.processes.supervisor import free_port
from demo.retrieval.making_status import draw
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from demo.settings import Settings
from index_builder import first_start
from index_builder.errors import BuildError
from index_builder.first_start import make_index, spread
from index_builder.store.folders import exclusive
from safeclip.errors import GalleryError, ManifestError, ProfileError
from safeclip.index_making import IndexMaking, MakingStep, is_due, searchable_rows
from safeclip.profile_changes import with_gallery
from safeclip.profiles import load_profile
from safeclip.retrieval.gallery import Item
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.places import index_folder
from tests.fakes.serving import client_of, context_of, wait_for_answer, wait_for_page

ROOT = Path(__file__).parents[2]
OWN, DAMAGED = 500, 12  # pictures of a user's folder that can be read, and files that cannot


@pytest.fixture
def profile(tiny_lab, tmp_path, monkeypatch):
    """The tiny profile, whose index the page makes in an empty cache."""
    monkeypatch.setenv("SAFECLIP_CACHE", str(tmp_path / "cache"))
    spec = dataclasses.replace(tiny_lab.profile.retrieval, index="")
    return dataclasses.replace(tiny_lab.profile, retrieval=spec)


def made(lab, maker=make_index) -> tuple[IndexMaking, list[str]]:
    """A finished making, and what it said on the way."""
    said: list[str] = []
    making = IndexMaking(lab, lambda lab, report: maker(lab, lambda step: (report(step), said.append(making.sentence))))
    making.start()
    assert making.wait(60)
    return making, said


def test_a_spread_beginning_holds_every_label_and_category(tiny_lab):
    items = [
        Item(f"{i:016x}", "c", "", i % 4 == 0, f"k{i % 3}" if i % 4 == 0 else "", "", "", "", "", "")
        for i in range(240)
    ]
    first = spread(items, 60)
    assert len({item.image_id for item in first}) == 60
    assert sum(item.unsafe for item in first) == 15
    assert {item.category for item in first} == {"", "k0", "k1", "k2"}
    rows = sorted(int(item.image_id, 16) for item in first if not item.unsafe)
    assert max(b - a for a, b in zip(rows, rows[1:], strict=False)) < 20, "spread over the whole gallery"


def test_a_part_can_be_searched_before_the_rest_which_is_not_embedded_twice(profile, tiny_lab, monkeypatch):
    monkeypatch.setattr(first_start, "FIRST_ROWS", 4)
    lab = safeclip.open(profile)
    assert is_due(lab) and searchable_rows(lab) == 0
    rows: list[int] = []
    embedded: list[str] = []

    def maker(lab, report):
        def note(step: MakingStep) -> None:
            report(step)
            embedded.append(f"{step.stage} {step.done}/{step.total}")
            if step.searchable and (not rows or rows[-1] != step.searchable):
                rows.append(step.searchable)
                found = lab.retrieval.compare("a dog holding a kite", k=12)
                assert [len(hits.hits) for hits in found.values()] == [step.searchable] * 3

        make_index(lab, note)

    making, said = made(lab, maker)
    assert not making.error and rows == [4, 12]
    assert "embedding images 4/4" in embedded and "embedding images 8/8" in embedded
    assert any("4 pictures can be searched already. The index is being made" in each for each in said)
    assert not making.sentence and not is_due(safeclip.open(profile))
    whole = tiny_lab.retrieval.compare("a dog holding a kite", k=5)
    assert [hit.id for hit in lab.retrieval.compare("a dog holding a kite", k=5)["safe"].hits] == [
        hit.id for hit in whole["safe"].hits
    ]
    assert lab.retrieval.position("a dog"), "a map was drawn"


def test_an_index_of_older_weights_is_made_again(profile):
    made(safeclip.open(profile))
    folder = index_folder(profile) / "safe"
    dataclasses.replace(Manifest.read(folder), encoder_fingerprint="0" * 64).write(folder)
    lab = safeclip.open(profile)
    assert is_due(lab) and searchable_rows(lab) == 0
    making, _ = made(lab)
    assert not making.error and making.step.searchable == 12 and not is_due(safeclip.open(profile))
    assert [hits.error for hits in lab.retrieval.compare("a dog", k=1).values()] == [None] * 3


def test_the_steps_of_one_stage_read_the_manifests_once(profile, monkeypatch):
    read: list[Path] = []

    def note(folder: Path) -> Manifest:
        read.append(folder)
        raise ManifestError("There is none.")

    monkeypatch.setattr(Manifest, "read", note)

    def maker(lab, report) -> None:
        for done in range(100):
            report(MakingStep("embedding images", done, 100))

    making, said = made(safeclip.open(profile), maker)
    assert not making.error and len(said) == 100 and len(read) <= 2


def test_an_index_of_before_is_searched_though_its_source_cannot_be_read_again(profile):
    made(safeclip.open(profile))

    def failing(lab, report) -> None:
        report(MakingStep("import"))
        raise BuildError("there is no network")

    making, _ = made(safeclip.open(profile), failing)
    assert making.error and not making.obstacle and making.step.searchable == 12


def test_until_something_can_be_searched_the_page_says_how_far_it_is(profile):
    lab = safeclip.open(profile)
    making = IndexMaking(lab, make_index)
    making.step = MakingStep("embedding images", 16, 500, 242.0)
    service = RetrievalService(dataclasses.replace(context_of(lab), making=making))
    state: TaskState = service.answer(RetrievalRequest(text="a dog"))
    assert "embedding images 16 of 500, about 4 min left" in state.error
    assert '<progress max="500" value="16">' in draw(making)
    made_now, _ = made(lab)
    service = RetrievalService(dataclasses.replace(context_of(lab), making=made_now))
    assert service.answer(RetrievalRequest(text="a dog")).comparison and draw(made_now) == ""


def test_a_folder_of_pictures_goes_from_a_flag_to_answers_that_call_nothing_safe(profile, tmp_path):
    for i, place in enumerate(("a", "a", "b")):
        folder = tmp_path / "photos" / place
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (80 * i, 20, 200 - 60 * i)).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"picture number {i}")
    lab = safeclip.open(with_gallery(profile, str(tmp_path / "photos"), rows=1000))
    assert is_due(lab) and len(lab.gallery) == 0
    making, _ = made(lab)
    assert not making.error and len(lab.gallery) == 3
    found = lab.retrieval.compare("picture number 1", k=8)
    assert str(found["original"].tally) == "0 of 3 flagged by OpenNSFW at 0.5, 3 not judged for violence"
    assert {hit.item.label for hit in found["safe"].hits} == {"not judged for violence"}


@pytest.mark.full  # one to two minutes: a start of app.py, and 500 pictures under three encoders
@pytest.mark.timeout(900)
def test_500_pictures_of_the_users_go_from_one_command_to_answers_that_call_none_safe(tmp_path, monkeypatch):
    write_own_pictures(tmp_path / "photos")
    started = time.monotonic()
    with app_over(tmp_path) as url:
        client = client_of(url)
        wait_for_answer(client, seconds=600, query="a dog", k=48)
        first = time.monotonic() - started
        while searchable(tmp_path) != [OWN] * 3:
            assert time.monotonic() - started < 600
            time.sleep(0.5)
        answer = client.predict(query="a panda holding a gun in the kitchen", k=48, api_name="/retrieve")
        print(f"first answer after {first:.0f} s, over all {OWN} after {time.monotonic() - started:.0f} s")
        assert client.predict(api_name="/profile")["gallery"]["items"] == OWN
    for found in answer["seats"].values():
        assert found["error"] is None and len(found["hits"]) == 48
        assert "48 not judged for violence" in found["count"] or "flagged by OpenNSFW" in found["count"]
        for hit in (each["item"] for each in found["hits"]):
            assert [score["judge"] for score in hit["scores"]] == ["OpenNSFW"]
            assert hit["unsafe"] is not False and hit["label"] != "safe"
    (quarantine,) = tmp_path.rglob("quarantine.jsonl")
    assert len(quarantine.read_text().splitlines()) == DAMAGED
    monkeypatch.setenv("SAFECLIP_CACHE", str(tmp_path / "cache"))
    lab = safeclip.open(with_gallery(load_profile("emoji"), str(tmp_path / "photos"), rows=Settings().gallery_rows))
    page = demo.build(lab, Settings())
    looks = re.findall(r'<li class="sc-card"[^>]*data-label="(\w+)"', page.tabs["retrieval"].opening())
    assert len(looks) >= 9 and set(looks) <= {"unjudged", "unsafe"}, looks


def write_own_pictures(folder: Path) -> None:
    """Drawings and noise of many sizes, modes and formats, no two alike, and files that are no whole picture."""
    folder.mkdir()
    rng = random.Random(0)
    kinds = (
        ("RGB", "png"),
        ("L", "png"),
        ("RGBA", "png"),
        ("P", "gif"),
        ("CMYK", "jpg"),
        ("RGB", "webp"),
        ("1", "png"),
    )
    for i in range(OWN):
        size = rng.randint(8, 640), rng.randint(8, 480)
        image = Image.effect_noise(size, rng.uniform(1, 90)).convert("RGB")
        draw = ImageDraw.Draw(image)
        for _ in range(i % 5):
            x, y = rng.randrange(size[0]), rng.randrange(size[1])
            draw.ellipse((x, y, x + rng.randint(2, 200), y + rng.randint(2, 200)), fill=tuple(rng.randbytes(3)))
        mode, suffix = kinds[i % len(kinds)]
        image.convert(mode).save(folder / f"{i:03}.{suffix}")
    whole = (folder / "000.png").read_bytes()
    for i in range(DAMAGED):
        (folder / f"{40 * i:03}-damaged.png").write_bytes((b"", b"no picture %d" % i, whole[: 60 + i])[i % 3])


@contextmanager
def app_over(place: Path):
    """The address of `app.py --gallery photos`, started as a user does, its cache in `place`."""
    port = free_port()
    command = [sys.executable, "app.py", "--gallery", str(place / "photos"), "--port", str(port)]
    app = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "SAFECLIP_CACHE": str(place / "cache")})
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_for_page(url, app, seconds=120)
        yield url
    finally:
        app.terminate()
        app.wait(30)


def searchable(place: Path) -> list[int]:
    """How many pictures the index of each seat holds."""
    manifests = [json.loads(file.read_text()) for file in (place / "cache").rglob("manifest.json")]
    return [manifest["files"]["images.faiss"]["count"] for manifest in manifests]


def test_a_making_that_fails_is_said_and_the_page_goes_on(profile, tmp_path):
    (tmp_path / "none").mkdir()
    making, _ = made(safeclip.open(with_gallery(profile, str(tmp_path / "none"))))
    assert "No image of" in making.error and making.obstacle.startswith("The gallery could not be indexed")
    with pytest.raises(ProfileError, match="there is no such folder"):
        with_gallery(profile, str(tmp_path / "nowhere"))


def write_pictures(folder: Path, names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.new("RGB", (40, 30), (ord(name), 20, 60)).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"picture {name}")


def captions(profile) -> list[str]:
    """What the page has of each picture after one start over the profile's source."""
    lab = safeclip.open(profile)
    making, _ = made(lab)
    assert not making.error and searchable_rows(lab) == len(lab.gallery.items)
    return sorted(item.caption for item in lab.gallery.items)


def test_what_is_deleted_or_changed_in_a_folder_is_so_at_the_next_start(profile, tmp_path):
    photos = tmp_path / "photos"
    write_pictures(photos, "abc")
    own = with_gallery(profile, str(photos))
    assert captions(own) == ["picture a", "picture b", "picture c"]
    write_pictures(photos, "d")
    assert captions(own) == ["picture a", "picture b", "picture c", "picture d"]
    (photos / "a.png").unlink()
    (photos / "b.txt").write_text("another caption")
    assert captions(own) == ["another caption", "picture c", "picture d"]


def test_a_making_waits_for_that_of_another_page(profile, monkeypatch):
    monkeypatch.setattr(first_start, "TURN", 0.05)
    lab, waited = safeclip.open(profile), threading.Event()

    def maker(lab, report):
        def note(step: MakingStep) -> None:
            report(step)
            if step.stage.startswith("waiting for another page"):
                waited.set()

        make_index(lab, note)

    folder = index_folder(lab.profile)
    folder.mkdir(parents=True)
    making = IndexMaking(lab, maker)
    with exclusive(folder):
        making.start()
        assert waited.wait(60) and making.running and "waiting for another page" in making.sentence
    assert making.wait(120) and not making.error and searchable_rows(lab) == 12


def test_a_damaged_first_picture_does_not_stop_the_making(profile, monkeypatch):
    lab = safeclip.open(profile)

    def damaged(id, *, keep=True):
        raise GalleryError("this picture is damaged")

    monkeypatch.setattr(lab.gallery, "image", damaged)
    making, _ = made(lab)
    assert not making.error and searchable_rows(lab) == 12


def test_a_making_that_is_stopped_ends_at_its_next_step_without_a_fault(profile):
    def maker(lab, report):
        report(MakingStep("embedding images", 1, 3))
        making.stop(0)
        report(MakingStep("embedding images", 2, 3))
        raise AssertionError("it went on")

    making = IndexMaking(safeclip.open(profile), maker)
    making.start()
    assert making.wait(60) and not making.error and making.step.done == 1


def test_a_gallery_of_the_hub_is_a_source_and_one_of_ours_is_opened(profile, tiny_gallery):
    spec = with_gallery(profile, "hf://datasets/owner/name@v1", rows=50).retrieval
    assert (spec.source, spec.rows, spec.gallery, spec.is_made_at_start) == ("hub:owner/name@v1", 50, "", True)
    assert with_gallery(profile, str(tiny_gallery)).retrieval.gallery == str(tiny_gallery)
    with pytest.raises(ProfileError, match="is a gallery, which is searched whole"):
        with_gallery(profile, str(tiny_gallery), rows=50)
    with pytest.raises(ProfileError, match="there is no such folder"):
        with_gallery(profile, "~nobody-of-that-name/pictures")
