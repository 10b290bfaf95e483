"""An adapter goes to the hub with a card that has its figures."""

import json
from types import SimpleNamespace

import pytest

from safeclip.errors import CheckpointError, HubError
from training.engine.job import SAVED
from training.push import push


class Hub:
    """A hub that keeps what is uploaded; `fault` is raised by it, and a repository may be there already, `public`."""

    def __init__(self, fault: Exception | None = None, public: bool = False):
        self.fault, self.public, self.made, self.files = fault, public, [], {}

    def create_repo(self, repository, repo_type, private, exist_ok, space_sdk):
        if self.fault:
            raise self.fault
        self.made.append((repository, private))

    def repo_info(self, repository, repo_type):
        return SimpleNamespace(private=not self.public)

    def upload_folder(self, repo_id, folder_path, commit_message):
        self.files = {path.name: path.read_bytes() for path in folder_path.iterdir()}
        return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/1")


@pytest.fixture
def run(tmp_path, tiny_adapter):
    folder = tmp_path / "run"
    (folder / "adapter").mkdir(parents=True)
    for path in tiny_adapter.iterdir():
        (folder / "adapter" / path.name).write_bytes(path.read_bytes())
    (folder / SAVED).write_text("{}")
    (folder / "recipe.toml").write_text('recipe = "safe_clip"\n')
    return folder


def test_it_uploads_adapter_and_card(run):
    hub = Hub()
    assert push(run, "me/safe", hub).endswith("me/safe/commit/1")
    assert hub.made == [("me/safe", True)]
    card = hub.files["README.md"].decode()
    assert "base_model:" not in card and 'from_pretrained(base, "me/safe")' in card
    assert 'recipe = "safe_clip"' in card and "No evaluation was made of it" in card
    assert "adapter_model.safetensors" in hub.files


def test_the_card_shows_no_path_of_this_machine(run, tiny_clip):
    config = run / "adapter" / "adapter_config.json"
    named = {**json.loads(config.read_text()), "base_model_name_or_path": str(tiny_clip)}
    config.write_text(json.dumps(named))
    recipe = (
        f'checkpoint = "{tiny_clip}"\nstart = \'~/runs/first\'\npath = "C:\\\\data\\\\own"\nseed = 1\nkind = "clip"\n'
    )
    (run / "recipe.toml").write_text(recipe)
    push(run, "me/safe", hub := Hub())
    card = hub.files["README.md"].decode()
    assert f"# Safe-CLIP of {tiny_clip.name}\n" in card and f'from_pretrained("{tiny_clip.name}")  # a folder' in card
    shown = f'checkpoint = "{tiny_clip.name}"\nstart = "first"\npath = "own"\nseed = 1\nkind = "clip"\n'
    assert shown in card and str(tiny_clip.parent) not in card
    assert json.loads(hub.files["adapter_config.json"]) == {**named, "base_model_name_or_path": tiny_clip.name}
    assert json.loads(config.read_text()) == named  # the run can still be exported and gone on from


def test_the_adapter_of_a_run_is_not_pushed_past_its_card(run):
    hub = Hub()
    (run / "adapter" / "README.md").write_text("PEFT's template")
    with pytest.raises(CheckpointError, match=f"Push the run: {run}"):
        push(run / "adapter", "me/safe", hub)
    assert hub.files == {}


def test_the_card_has_the_figures_of_the_evaluation(run):
    figures = {"mean": {"original": 50.0, "safe": 48.0}, "cost": {"original": 0.0, "safe": -2.0}, "sets": {}}
    (run / "evaluation.json").write_text(json.dumps({"sections": {"zero_shot": figures}}))
    hub = Hub()
    push(run, "me/safe", hub, public=True, license="mit")
    card = hub.files["README.md"].decode()
    assert "| mean, against the first | 0.0 | -2.0 |" in card and "license: mit" in card
    assert hub.made == [("me/safe", False)]


def test_a_base_of_the_hub_is_named_in_the_card(run, capsys):
    push(run, "me/safe", Hub())
    assert "is a folder of this machine, so others cannot load it" in capsys.readouterr().out
    config = run / "adapter" / "adapter_config.json"
    named = {**json.loads(config.read_text()), "base_model_name_or_path": "openai/clip-vit-base-patch32@main"}
    config.write_text(json.dumps(named))
    push(run, "me/safe", hub := Hub())
    card = hub.files["README.md"].decode()
    assert "base_model: openai/clip-vit-base-patch32\n" in card
    assert 'AutoModel.from_pretrained("openai/clip-vit-base-patch32", revision="main")' in card
    uploaded = json.loads(hub.files["adapter_config.json"])
    assert uploaded["base_model_name_or_path"] == "openai/clip-vit-base-patch32" and uploaded["revision"] == "main"
    assert capsys.readouterr().out == ""


def test_an_export_is_uploaded_as_it_is(tmp_path):
    (tmp_path / "README.md").write_text("a card")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    push(tmp_path, "me/safe", hub := Hub())
    assert hub.files == {"README.md": b"a card", "model.safetensors": b"weights"}


def test_a_folder_that_is_not_there_is_no_unfinished_run(run):
    with pytest.raises(CheckpointError, match="there is no such folder"):
        push(run / "nowhere", "me/safe", Hub())


def test_an_unfinished_run_is_not_uploaded(run):
    (run / SAVED).unlink()
    with pytest.raises(CheckpointError, match="not complete"):
        push(run, "me/safe", Hub())


def test_an_adapter_that_is_not_all_that_was_trained_is_not_uploaded(run):
    (run / "adapter" / "objective.safetensors").touch()
    with pytest.raises(CheckpointError, match="its objective learnt numbers of its own"):
        push(run, "me/safe", Hub())


def test_a_public_repository_that_is_there_already_takes_nothing_private(run):
    hub = Hub(public=True)
    with pytest.raises(HubError, match="me/safe is there already, and public"):
        push(run, "me/safe", hub)
    assert not hub.files
    push(run, "me/safe", hub, public=True)
    assert hub.files


def test_what_the_hub_refuses_is_said(run):
    with pytest.raises(HubError, match="me/safe: the hub did not take the upload .403 Forbidden"):
        push(run, "me/safe", Hub(RuntimeError("403 Forbidden")))
