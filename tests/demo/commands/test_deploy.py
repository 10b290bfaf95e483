"""Deployment to a Space: the front matter for profile and hardware, what is uploaded, and what is said before."""

import pytest
import yaml
from huggingface_hub import SpaceHardware
from huggingface_hub.utils import filter_repo_objects

from demo.cli import main
from demo.commands.deploy import HARDWARE, IGNORED, MATURE, choose_hardware, with_front_matter
from demo.settings import parse
from safeclip.errors import ProfileError
from safeclip.profiles import load_profile
from tests.docs.pages import ROOT


class Client:
    """The hub's client; notes what it is asked to do."""

    def __init__(self) -> None:
        self.done: list[tuple[str, dict]] = []

    def __getattr__(self, name: str):
        return lambda *args, **options: self.done.append((name, {"args": args, **options}))


def header(profile: str, hardware: str = "") -> dict:
    loaded = load_profile(profile)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    text = with_front_matter(readme, loaded, choose_hardware(loaded, hardware))
    _, settings, rest = text.split("---\n", 2)
    assert rest == readme.split("---\n", 2)[2]
    return yaml.safe_load(settings)


def test_the_embedded_space_drops_the_tag_and_a_published_one_needs_it():
    assert MATURE not in header("emoji")["tags"] and header("emoji")["suggested_hardware"] == "cpu-basic"
    published = header("vit-l-14")
    assert MATURE in published["tags"] and "aimagelab/safeclip_vit-l_14" in published["models"]
    assert published["suggested_hardware"] == "l4x1" and published["sdk"] == "gradio"
    assert header("vit-l-14", "zerogpu")["suggested_hardware"] == "zero-a10g"
    with pytest.raises(ProfileError, match="cpu, gpu, zerogpu"):
        header("vit-l-14", "tpu")


def test_the_hub_knows_the_hardware():
    known = {hardware.value for hardware in SpaceHardware}
    assert set(HARDWARE.values()) <= known


def test_the_checkout_is_uploaded_and_the_readme_last(monkeypatch, capsys):
    client = Client()
    monkeypatch.setattr("safeclip.runtime.hub.client", lambda: client)
    assert main(["deploy", "you/space", "--profile", "vit-l-14", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert client.done == [] and "25.2 GB" in said and "costs stands on https://huggingface.co/pricing" in said
    assert main(["deploy", "you/space", "--profile", "vit-l-14"]) == 0
    assert [name for name, _ in client.done] == ["create_repo", "add_space_variable", "upload_folder", "upload_file"]
    assert client.done[1][1]["args"] == ("you/space", "SAFECLIP_PROFILE", "vit-l-14")
    assert client.done[2][1]["ignore_patterns"] == list(IGNORED) and client.done[2][1]["repo_type"] == "space"
    assert b"l4x1" in client.done[3][1]["path_or_fileobj"]


def test_secrets_and_environments_of_the_checkout_stay_here():
    stays = [".env", "demo/.env", ".venv/bin/python", "venv/lib/torch.so", ".git/config", "demo/__pycache__/cli.pyc"]
    runs = ["app.py", "requirements.txt", "demo/cli.py", "zoo/metrics.json", "docs/images/retrieval.webp"]
    assert list(filter_repo_objects([*stays, *runs], ignore_patterns=list(IGNORED))) == runs


def test_a_space_locks_what_published_profiles_find():
    space = {"SPACE_ID": "you/space"}
    assert not parse([], space).reveal_locked
    assert parse(["--profile", "vit-l-14"], space).reveal_locked
    assert parse(["--gallery", "photos"], space).reveal_locked
    assert not parse(["--profile", "vit-l-14"], {}).reveal_locked
    assert not parse(["--profile", "vit-l-14", "--no-lock-reveal"], space).reveal_locked
    assert not parse([], space | {"SAFECLIP_PROFILE": "vit-l-14", "SAFECLIP_LOCK_REVEAL": "0"}).reveal_locked


def test_a_profile_of_this_machine_alone_is_refused(tmp_path, capsys):
    own = tmp_path / "own.toml"
    own.write_text((ROOT / "safeclip" / "profiles" / "emoji.toml").read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["deploy", "me/space", "--profile", str(own), "--dry-run"]) == 2
    assert "a Space has those of the repository alone" in capsys.readouterr().err
