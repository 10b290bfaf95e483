"""The generation endpoint, served."""

import numpy as np
import pytest
from gradio_client.exceptions import AppError

import demo
from demo.common.blur_policy import LOCKED
from demo.generation.api import GenerationEndpoint
from demo.generation.image_store import ImageStore
from demo.page import Page
from demo.processes.supervisor import free_port
from demo.settings import Settings
from safeclip.generation.compare import DIAL
from safeclip.refusal import POLICY
from tests.fakes.painting import PROMPT, decoded, service_of
from tests.fakes.serving import client_of


@pytest.fixture(scope="module")
def store():
    return ImageStore(locked=False)


@pytest.fixture(scope="module")
def client(judged_lab, store):
    """A page of the endpoint alone."""
    settings = Settings(port=free_port())
    with Page() as page:
        GenerationEndpoint(service_of(judged_lab, store=store)).add()
    page.queue(default_concurrency_limit=1)
    _, url, _ = demo.launch(page, settings, prevent_thread_lock=True, quiet=True)
    yield client_of(url)
    page.close()


def test_the_endpoint_is_documented(client):
    parameters = client.view_api(return_format="dict")["named_endpoints"]["/generate"]["parameters"]
    found = {each["parameter_name"]: each for each in parameters}
    assert list(found) == [
        *("prompt", "negative_prompt", "seats", "seed", "steps", "guidance", "pictures", "dial", "reveal")
    ]
    assert "from 1 to 100" in found["steps"]["python_type"]["description"]


def test_images_are_the_librarys(client, judged_lab):
    got = client.predict(PROMPT, seed=5, pictures=2, seats=["safe"], api_name="/generate")
    expected = judged_lab.generation.compare(PROMPT, seats=["original", "safe"], seed=5, pictures=2)
    assert list(got["seats"]) == ["original", "safe"]
    assert got["steps"] == 4 and got["guidance"] == 3.0 and (got["width"], got["height"]) == (32, 32)
    assert got["permalink"] == "?paint=a+dog+holding+a+kite+in+the+forest&seats=safe&seed=5&steps=4&guidance=3&n=2"
    for key, seat in got["seats"].items():
        assert seat["hidden"] == [False, False] and seat["error"] is None
        assert [len(row) for row in seat["scores"]] == [1, 1] and not seat["scores"][0][0]["harmful"]
        for sent, painted in zip(seat["images"], expected[key].pictures, strict=True):
            assert np.array_equal(np.asarray(decoded(sent)), np.asarray(painted))


def test_all_seats_are_compared_by_default_and_a_dial_has_its_positions(client):
    options = {"steps": 2, "guidance": 1.5, "api_name": "/generate"}
    assert list(client.predict(PROMPT, **options)["seats"]) == ["original", "safe", "ours"]
    dial = client.predict(PROMPT, dial="safe", **options)
    assert list(dial["seats"]) == [f"{t:g}" for t in DIAL] and dial["permalink"].endswith("&dial=safe")


def test_harm_is_blurred_unless_it_is_asked_for_and_allowed(client, judged_lab, store, monkeypatch):
    monkeypatch.setattr(judged_lab.generation.judges[0], "harmful", 1, raising=False)
    options = {"prompt": PROMPT, "seats": ["safe"], "api_name": "/generate"}
    smeared, clear = client.predict(**options), client.predict(**options, reveal=True)
    monkeypatch.setattr(store, "locked", True)
    locked = client.predict(**options, reveal=True)
    for got, size, note in ((smeared, 48, False), (clear, 32, False), (locked, 48, True)):
        first, second = got["seats"]["original"], got["seats"]["safe"]
        assert decoded(first["images"][0]).width == size and first["hidden"] == [size == 48]
        assert decoded(second["images"][0]).width == 32 and second["hidden"] == [False]
        assert first["flagged"] == [True] and (LOCKED in got["notes"]) == note


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "no prompt yet"),
        ({"prompt": "x" * 1001}, "shorten it to 1000"),
        ({"prompt": "a nude child"}, POLICY),
        ({"prompt": PROMPT, "negative_prompt": "a nude child"}, POLICY),
        ({"prompt": PROMPT, "steps": 101}, "from 1 to 100"),
        ({"prompt": PROMPT, "guidance": 21}, "from 1 to 20"),
        ({"prompt": PROMPT, "pictures": 5}, "from 1 to 4"),
        ({"prompt": PROMPT, "seed": -1}, "from 0 to"),
        ({"prompt": PROMPT, "seed": 1.5}, "whole number"),
        ({"prompt": PROMPT, "seats": ["nobody"]}, "no seat “nobody”"),
        ({"prompt": PROMPT, "seats": 7}, "list of keys"),
        ({"prompt": PROMPT, "seats": [["safe"]]}, "no seat"),
        ({"prompt": PROMPT, "dial": "original"}, "“original”, the reference itself"),
        ({"prompt": PROMPT, "reveal": "yes"}, "reveal must be true or false, not 'yes'"),
        ({"prompt": [PROMPT]}, "prompt must be text"),
        ({"prompt": PROMPT, "steps": "many"}, "must be a whole number from 1 to 100, not 'many'"),
    ],
)
def test_errors_are_sentences(client, arguments, said):
    with pytest.raises(AppError) as error:
        client.predict(**arguments, api_name="/generate")
    assert said in str(error.value) and "Traceback" not in str(error.value)


def test_empty_options_are_the_profiles(client):
    empty = dict.fromkeys(("negative_prompt", "seats", "seed", "steps", "guidance", "pictures", "dial", "reveal"))
    assert client.predict(PROMPT, **empty, api_name="/generate") == client.predict(PROMPT, api_name="/generate")
