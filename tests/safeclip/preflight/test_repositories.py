"""How it stands with each repository of a profile, with a hub and without, and what keeps the page from starting."""

import dataclasses
import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from safeclip import preflight
from safeclip.encoders.formats.layouts import CLIP, CLIP_MODEL, CLIP_PROCESSOR
from safeclip.errors import HubError
from safeclip.profiles import CaptioningSpec, GenerationSpec
from safeclip.runtime import hub
from tests.fakes.hub import NO_HUB
from tests.safeclip.preflight.machines import BIG


def statuses(report):
    return {state.name: state.status for state in report.states}


def test_a_reachable_repository_is_reported_with_its_size_and_nothing_is_fetched(profile, served, tiny_clip):
    report = preflight.inspect(profile, BIG)
    assert statuses(report) == {"openai/clip-tiny": "reachable", "aimagelab/tiny": "reachable"}
    sizes = {path.name: path.stat().st_size for path in tiny_clip.iterdir()}
    weights = sizes["config.json"] + sizes["model.safetensors"]
    assert report.states[1].download_gb == pytest.approx(weights / 1e9)
    assert report.states[0].download_gb > report.states[1].download_gb, "its tokenizer is used, the other's is not"
    assert report.can_run and report.problems == ()
    assert served.downloads == []
    for words in ("reachable   openai/clip-tiny", "GB to download", "NVIDIA H100 with 70.0 of 80.0 GB free"):
        assert words in str(report)
    assert str(report).endswith(f"It can run: python app.py --profile {profile.name}")


def test_fetched_repositories_are_cached_with_and_without_a_hub(profile, served, monkeypatch):
    hub.fetch("openai/clip-tiny", CLIP)
    hub.fetch("aimagelab/tiny", CLIP_MODEL)
    assert set(statuses(preflight.inspect(profile, BIG)).values()) == {"cached"}
    monkeypatch.setenv("HF_ENDPOINT", NO_HUB)
    report = preflight.inspect(profile, BIG)
    assert set(statuses(report).values()) == {"cached"} and report.can_run
    preflight.require_reference(profile)


def test_an_unfinished_download_is_reported_file_by_file(profile, served, monkeypatch):
    hub.fetch("openai/clip-tiny", CLIP_PROCESSOR)
    hub.fetch("aimagelab/tiny", CLIP_MODEL)
    online = preflight.inspect(profile, BIG)
    assert statuses(online) == {"openai/clip-tiny": "reachable", "aimagelab/tiny": "cached"}
    assert online.states[0].download_gb == pytest.approx(weights_bytes(served, "openai/clip-tiny") / 1e9)
    monkeypatch.setenv("HF_ENDPOINT", NO_HUB)
    offline = preflight.inspect(profile, BIG)
    assert "incomplete  openai/clip-tiny: model.safetensors is missing" in str(offline)
    (problem,) = offline.problems
    assert "starts all the same" not in str(offline), "the reference is not whole"
    assert "openai/clip-tiny (model.safetensors is missing) is not whole in the cache of models" in problem
    with pytest.raises(HubError, match=r"openai/clip-tiny \(model.safetensors is missing\) is not whole"):
        preflight.require_reference(profile)


def weights_bytes(served, id: str) -> int:
    return (served.repositories[id] / "model.safetensors").stat().st_size


def test_a_file_that_is_cut_short_is_downloaded_again(profile, served, tiny_clip, monkeypatch):
    hub.fetch("aimagelab/tiny", CLIP_MODEL)
    folder = hub.fetch("openai/clip-tiny", CLIP)
    blob = (folder / "model.safetensors").resolve()
    blob.write_bytes(blob.read_bytes()[:-1])
    state, _ = preflight.inspect(profile, BIG).states
    assert state.status == "reachable" and state.download_gb == pytest.approx(
        weights_bytes(served, "openai/clip-tiny") / 1e9
    )
    served.downloads.clear()
    again = hub.fetch("openai/clip-tiny", CLIP)
    assert served.downloads == ["model.safetensors"]
    assert (again / "model.safetensors").read_bytes() == (tiny_clip / "model.safetensors").read_bytes()


def test_a_shard_more_is_counted_alone(profile, served, tiny_clip, tmp_path):
    folder = tmp_path / "sharded"
    folder.mkdir()
    tensors = load_file(tiny_clip / "model.safetensors")
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    half = len(tensors) // 2
    parts = [dict(list(tensors.items())[:half]), dict(list(tensors.items())[half:])]
    for name, part in zip(names, parts, strict=True):
        save_file(part, folder / name, {"format": "pt"})
    weight_map = {key: name for name, part in zip(names, parts, strict=True) for key in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    shutil.copy(tiny_clip / "config.json", folder)
    served.repositories["aimagelab/tiny"] = folder
    snapshot = hub.fetch("aimagelab/tiny", CLIP_MODEL)
    (snapshot / names[1]).unlink()
    _, state = preflight.inspect(profile, BIG).states
    assert state.status == "reachable"
    assert state.download_gb == pytest.approx((folder / names[1]).stat().st_size / 1e9)


def test_gated_and_missing_say_what_to_do(profile, served):
    served.repositories |= {"openai/clip-tiny": "GatedRepo", "aimagelab/tiny": "RepoNotFound"}
    report = preflight.inspect(profile, BIG)
    assert statuses(report) == {"openai/clip-tiny": "gated", "aimagelab/tiny": "missing"}
    assert not report.can_run
    gated, missing = report.problems
    assert "accept its terms" in gated and "There is no repository aimagelab/tiny" in missing


def test_what_starts_without_the_models_that_are_gated(profile, served):
    """With a hub even the first seat may be missing: its column says so, and the others answer."""
    served.repositories |= {"openai/clip-tiny": "GatedRepo", "x/sd": "RepoNotFound"}
    seats = (profile.seats[0], dataclasses.replace(profile.seats[1], processor=None))
    own = (dataclasses.replace(seats[1], label="Another", checkpoint="x/gone"),)
    tasks = {"generation": GenerationSpec("x/sd"), "captioning": CaptioningSpec("aimagelab/tiny", seats=own)}
    told = str(preflight.inspect(dataclasses.replace(profile, seats=seats, **tasks), BIG))
    assert told.endswith("these will say what they lack: CLIP, generation, Another in captioning.")


def test_a_repository_without_weights_is_missing_them(profile, served, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")
    served.repositories["aimagelab/tiny"] = tmp_path / "empty"
    assert statuses(preflight.inspect(profile, BIG))["aimagelab/tiny"] == "missing"


def test_no_hub_is_one_sentence_that_names_everything(profile, no_hub):
    (problem,) = preflight.inspect(profile, BIG).problems
    assert "127.0.0.1:9 could not be reached, and openai/clip-tiny, aimagelab/tiny are not in the cache" in problem
    with pytest.raises(HubError, match="openai/clip-tiny, aimagelab/tiny are not.*--profile emoji"):
        preflight.require_reference(profile)


def test_a_process_that_is_kept_offline_does_not_blame_the_hub(profile, no_hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (problem,) = preflight.inspect(profile, BIG).problems
    assert problem.startswith("HF_HUB_OFFLINE keeps this process off the network, and openai/clip-tiny")


def test_a_seat_beside_the_reference_does_not_keep_the_page_from_starting(profile, served, monkeypatch):
    hub.fetch("openai/clip-tiny", CLIP)
    monkeypatch.setenv("HF_ENDPOINT", NO_HUB)
    preflight.require_reference(profile)
    assert preflight.out_of_reach(profile) == ["aimagelab/tiny"]
    assert "The page starts all the same; these will say what they lack: Safe-CLIP." in str(
        preflight.inspect(profile, BIG)
    )
