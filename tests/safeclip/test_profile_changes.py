"""Seats, references and tasks from flags: what a name on the command line turns out to be."""

import shutil
from dataclasses import replace

import pytest

import safeclip
from demo import cli
from demo.settings import parse
from safeclip.errors import ProfileError
from safeclip.paths import resolve
from safeclip.profile_changes import with_gallery, with_reference, with_seat, with_tasks
from safeclip.profiles import load_profile
from tests.fakes.hub import NO_HUB


@pytest.fixture
def profile(tiny_lab):
    return tiny_lab.profile


def test_a_folder_is_seated_by_what_is_in_it(profile, tiny_clip, tiny_adapter, tiny_open_clip, tmp_path):
    reference = profile.seats[0]
    whole = with_seat(profile, f"My own=  {tiny_clip}").seats[-1]
    assert (whole.key, whole.label, whole.checkpoint, whole.processor) == ("my-own", "My own", str(tiny_clip), None)
    adapter = with_seat(profile, f"LoRA={tiny_adapter}").seats[-1]
    assert (adapter.checkpoint, adapter.adapter) == (reference.checkpoint, str(tiny_adapter))
    both = with_seat(profile, f"LoRA={tiny_clip}+{tiny_adapter}").seats[-1]
    assert (both.checkpoint, both.adapter) == (str(tiny_clip), str(tiny_adapter))
    assert with_seat(profile, f"Open={tiny_open_clip}").seats[-1].checkpoint == str(tiny_open_clip)
    bare = shutil.copytree(tiny_clip, tmp_path / "bare", ignore=shutil.ignore_patterns("tokenizer*", "preproc*"))
    assert with_seat(profile, f"Bare={bare}").seats[-1].processor == reference.checkpoint
    (tmp_path / "hysac").mkdir()
    (tmp_path / "hysac" / "hysac_model.safetensors").touch()
    assert with_seat(profile, f"H={tmp_path / 'hysac'}").seats[-1].kind == "hyperbolic"
    (tmp_path / "siglip").mkdir()
    (tmp_path / "siglip" / "config.json").write_text('{"model_type": "siglip"}')
    assert with_seat(profile, f"S={tmp_path / 'siglip'}").seats[-1].kind == "siglip"


def test_a_run_of_open_clip_is_seated_by_its_epoch(profile, tmp_path):
    run = tmp_path / "run" / "checkpoints"
    run.mkdir(parents=True)
    (run / "epoch_3.pt").touch()
    with pytest.raises(ProfileError, match=r"params.txt.*Name it: ViT-L-14-quickgelu:"):
        with_seat(profile, f"Mine={run / 'epoch_3.pt'}")
    params = "lr: 0.1\nmodel: ViT-L-14\nforce_quick_gelu: True\nname: Café\n"
    (tmp_path / "run" / "params.txt").write_bytes(params.encode("latin-1"))  # as open_clip writes it on Windows
    assert with_seat(profile, f"Mine={run / 'epoch_3.pt'}").seats[-1].checkpoint == (
        f"ViT-L-14-quickgelu:{run / 'epoch_3.pt'}"
    )


def test_keys_differ_and_the_index_is_made_anew(profile, tiny_clip):
    twice = with_seat(with_seat(profile, f"CLIP={tiny_clip}"), f"CLIP={tiny_clip}")
    assert [seat.key for seat in twice.seats][-2:] == ["clip", "clip-2"]
    assert profile.retrieval.index and not twice.retrieval.index


def test_another_reference_takes_the_first_seat_and_encodes(profile, tiny_clip, make, tmp_path):
    wide = make.clip(tmp_path / "wide", projection_dim=24)
    changed = with_reference(profile, f"Wide={wide}")
    assert [seat.key for seat in changed.seats] == [seat.key for seat in profile.seats]
    encoders = safeclip.open(changed).encoders
    assert (encoders["original"].dim, encoders["safe"].dim) == (24, 16)


def test_only_the_tasks_that_are_named_stay():
    profile = load_profile("emoji")
    kept = with_tasks(profile, ["retrieval"])
    assert kept.retrieval and kept.generation is None and kept.captioning is None
    with pytest.raises(ProfileError, match="no task “painting”. Tasks: retrieval, generation, captioning"):
        with_tasks(profile, ["painting"])
    with pytest.raises(ProfileError, match=r"no \[captioning\] section"):
        with_tasks(replace(profile, captioning=None), ["captioning"])


@pytest.mark.parametrize(
    ("text", "said"),
    [("zoo/open-clip", "label=checkpoint"), ("A=", "label=checkpoint"), ("A=/no/where", "neither a file")],
)
def test_a_flag_that_names_nothing_is_told(profile, text, said):
    with pytest.raises(ProfileError, match=said):
        with_seat(profile, text)


def test_a_pushed_gallery_is_searched_by_its_own_indexes(tiny_lab, fake_hub, tmp_path, monkeypatch):
    profile, own = tiny_lab.profile, tiny_lab.profile.retrieval
    pushed = shutil.copytree(resolve(own.gallery), tmp_path / "pushed")
    shutil.copytree(resolve(own.index), pushed / "index")
    fake_hub.repositories["me/mine"] = pushed
    changed = with_gallery(profile, "hf://datasets/me/mine")
    assert changed.retrieval.gallery.startswith(str(fake_hub.cache)) and not changed.retrieval.is_made_at_start
    found, theirs = (each.retrieval.compare("a dog", k=5) for each in (safeclip.open(changed), tiny_lab))
    assert [hit.id for hit in found["safe"].hits] == [hit.id for hit in theirs["safe"].hits]
    monkeypatch.setenv("HF_ENDPOINT", NO_HUB)
    assert with_gallery(profile, "hf://datasets/me/mine") == changed, "from the cache"
    another = replace(profile, seats=(*profile.seats, replace(profile.seats[1], key="new")))
    assert with_gallery(another, "hf://datasets/me/mine").retrieval.is_made_at_start, "the new seat has no index"
    for options in ({"rows": 3}, {"fetch": False}):
        assert with_gallery(profile, "hf://datasets/me/mine", **options).retrieval.source == "hub:me/mine"
    assert cli.changed(profile, parse(["--gallery", "hf://datasets/me/mine"])) == changed, "by the flag alone"


def test_a_gallery_is_refused_where_nothing_searches_it():
    with pytest.raises(ProfileError, match="give --tasks retrieval too"):
        cli.changed(load_profile("emoji"), parse(["--tasks", "generation", "--gallery", "."]))


def test_fewer_pictures_than_none_are_refused(tmp_path):
    with pytest.raises(ProfileError, match="--gallery-rows is -3"):
        with_gallery(load_profile("emoji"), str(tmp_path), rows=-3)


def test_another_dataset_is_imported(tiny_lab, fake_hub, tmp_path):
    (tmp_path / "rows" / "data").mkdir(parents=True)
    (tmp_path / "rows" / "data" / "test-0.parquet").write_bytes(b"rows")
    fake_hub.repositories["me/rows"] = tmp_path / "rows"
    for name in ("me/rows", "me/gone"):
        assert with_gallery(tiny_lab.profile, f"hf://datasets/{name}").retrieval.source == f"hub:{name}"
    assert not fake_hub.downloads
