"""The page, served: what a program can call, and what it cannot."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

import demo
from demo import cli
from demo.common.blur_policy import data_uri
from demo.processes.supervisor import free_port
from demo.settings import Settings, parse
from safeclip.hashing import content_id
from tests.fakes.serving import client_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def url(tiny_lab):
    settings = Settings(port=free_port())
    page = demo.build(tiny_lab, settings)
    _, url, _ = demo.launch(page, settings, prevent_thread_lock=True, quiet=True)
    yield url
    page.close()


@pytest.fixture(scope="module")
def client(url):
    return client_of(url)


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def post(url: str, body: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def test_only_the_two_endpoints_are_documented(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/retrieve", "/profile"}
    parameters = {each["parameter_name"]: each for each in endpoints["/retrieve"]["parameters"]}
    assert "from 1 to 48" in parameters["k"]["python_type"]["description"]
    assert list(parameters) == ["query", "image", "gallery_item", "search", "k", "towers", "seats"]
    assert "several encoders, side by side" in endpoints["/retrieve"]["description"]


def test_retrieve_by_text_equals_the_library(client, tiny_lab):
    answer = client.predict(query="a chef holding a knife", k=5, api_name="/retrieve")
    expected = tiny_lab.retrieval.compare("a chef holding a knife", k=5).to_dict()
    assert answer["seats"] == json.loads(json.dumps(expected["seats"]))
    assert answer["permalink"].startswith("?q=a+chef+holding+a+knife&search=images&k=5")
    assert answer["unknown_words"] == {}


def test_retrieve_by_gallery_item_and_by_upload_agree(client, tiny_lab, tmp_path):
    item = tiny_lab.gallery.items[3]
    options = {"search": "captions", "k": 3, "towers": "image", "seats": ["ours"], "api_name": "/retrieve"}
    picked = client.predict(gallery_item=item.image_id, **options)
    assert list(picked["seats"]) == ["original", "ours"]
    assert picked["seats"]["ours"]["index_seat"] == "original"
    path = tmp_path / "picture.webp"
    path.write_bytes(tiny_lab.gallery.image_bytes(item.image_id))
    uploaded = client.predict(image=handle_file(str(path)), **options)
    assert uploaded["seats"] == picked["seats"]
    assert uploaded["permalink"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "Nothing is asked yet"),
        ({"query": "a dog", "k": 0}, "from 1 to 48"),
        ({"query": "a dog", "seats": ["nobody"]}, "no seat “nobody”"),
        ({"query": "a dog", "gallery_item": "0" * 16}, "one thing at a time"),
        ({"gallery_item": "0" * 16}, "has no picture"),
        ({"image": {"path": "/etc/hostname"}}, "was not uploaded"),
    ],
)
def test_errors_are_sentences(client, arguments, said):
    with pytest.raises(AppError) as error:
        client.predict(**arguments, api_name="/retrieve")
    assert said in str(error.value)
    assert "Traceback" not in str(error.value)


def test_an_upload_that_is_no_image_is_reported(client, tmp_path):
    path = tmp_path / "picture.png"
    path.write_text("not a picture")
    with pytest.raises(AppError, match="not a picture"):
        client.predict(image=handle_file(str(path)), api_name="/retrieve")


def test_profile(client, tiny_lab):
    about = client.predict(api_name="/profile")
    assert about["profile"] == "tiny" and about["reference"] == "original"
    assert [seat["key"] for seat in about["seats"]] == ["original", "safe", "ours"]
    assert about["gallery"]["items"] == 12 and about["offline"] is True
    assert "tiny" not in about["out_of_reach"]


def test_the_first_screen_is_answered_and_holds_no_clear_unsafe_byte(url, tiny_lab):
    html = get(url)
    assert "sc-card" in html
    gallery = tiny_lab.gallery
    for item in gallery.items:
        clear = data_uri(gallery.image_bytes(item.image_id)).split(",")[1]
        assert not (item.unsafe and clear in html)


def test_no_file_of_the_gallery_or_the_code_is_public(url, tiny_lab):
    (shard,) = Path(tiny_lab.gallery.path).glob("data/*.parquet")
    for path in (shard, ROOT / "app.py"):
        with pytest.raises(urllib.error.HTTPError) as error:
            get(f"{url}gradio_api/file={path}")
        assert error.value.code in (403, 404)


def server_call(url: str, name: str, data: object) -> dict:
    config = json.loads(get(f"{url}config"))
    (view,) = [c for c in config["components"] if "sc-view-box" in (c["props"].get("elem_classes") or [])]
    body = {"data": data, "component_id": view["id"], "fn_name": name, "session_hash": "test"}
    return post(f"{url}gradio_api/component_server", body)


def test_reveal_gives_one_clear_image(url, tiny_lab):
    item = next(item for item in tiny_lab.gallery.items if item.unsafe)
    answer = server_call(url, "reveal", item.image_id)
    assert answer == {"ok": True, "src": data_uri(tiny_lab.gallery.image_bytes(item.image_id))}
    assert content_id(tiny_lab.gallery.image_bytes(item.image_id)) == item.image_id


def test_the_lock_holds_for_raw_requests_too(tiny_lab):
    settings = Settings(port=free_port(), present=True)
    page = demo.build(tiny_lab, settings)
    _, url, _ = demo.launch(page, settings, prevent_thread_lock=True, quiet=True)
    try:
        for item in tiny_lab.gallery.items:
            assert server_call(url, "reveal", item.image_id)["ok"] is False
    finally:
        page.close()


def run_app(*arguments: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "app.py", *arguments]
    variables = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=timeout)


def test_a_bad_profile_ends_with_status_2_and_one_sentence():
    done = run_app("--profile", "nowhere")
    assert done.returncode == 2
    assert re.fullmatch(r"app\.py: There is no profile “nowhere”\..*\n", done.stderr)


def test_a_taken_port_is_reported_before_anything_is_loaded(tiny_profile):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_app("--profile", str(tiny_profile), "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port}" in done.stderr and "--port" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("flags", [[], ["--check"]], ids=["start", "check"])
def test_a_hub_out_of_reach_is_one_sentence_within_seconds(flags, tmp_path):
    started = time.monotonic()
    away = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "", "HF_HUB_CACHE": ""}
    done = run_app("--profile", "vit-l-14", *flags, **away)
    assert time.monotonic() - started < 10
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert said.count("could not be reached") == 1 and "Traceback" not in said
    (sentence,) = [line for line in said.splitlines() if "could not be reached" in line]
    for words in ("127.0.0.1:9", "openai/clip-vit-large-patch14", "aimagelab/safeclip_vit-l_14", "--profile emoji"):
        assert words in sentence
    if flags:
        assert "unreachable openai/clip-vit-large-patch14" in done.stdout and "no GPU" in done.stdout
    else:
        assert done.stderr == f"{sentence}\n" and done.stdout == ""


def test_a_profile_that_can_run_passes_the_check(tiny_lab, tmp_path):
    path = tmp_path / "tiny.toml"
    seats = "\n".join(
        f'[[seats]]\nkey = "{s.key}"\nlabel = "x"\ncheckpoint = \'{s.checkpoint}\'' for s in tiny_lab.profile.seats
    )
    spec = tiny_lab.profile.retrieval
    head = 'title = "T"\ndescription = "D"\nlicense = "MIT"'
    path.write_text(f"{head}\n{seats}\n[retrieval]\ngallery = '{spec.gallery}'\nindex = '{spec.index}'\n")
    done = run_app("--profile", str(path), "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It can run" in done.stdout and done.stderr == ""


def test_auto_says_which_profile_and_why():
    away = {
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_CACHE": "/nowhere",
        "HF_HUB_OFFLINE": "",
        "TRANSFORMERS_OFFLINE": "",
    }
    done = run_app("--profile", "auto", "--check", CUDA_VISIBLE_DEVICES="", **away)
    assert done.stdout.startswith("Profile emoji: 127.0.0.1:9 could not be reached, and no published model is whole")


def test_help_needs_no_models():
    done = run_app("--help")
    assert done.returncode == 0 and "SAFECLIP_PROFILE" in done.stdout


def test_a_wrong_host_is_reported(capsys):
    with pytest.raises(OSError, match="--host"):
        cli.claim_port(parse(["--host", "no.such.host.invalid"], {}))
