"""With the presenter's lock on, nothing that leaves the server shows a flagged picture clear.

Tried: the page, /config and the API's description; every endpoint for programs, with `reveal` where there is one;
every tab's answers as they are drawn; every event of every tab as a browser raises it, the blind round's among them;
every server function of every component; /gradio_api/file= and its like with the gallery's files and Gradio's cache;
exports of failures, the red team's reports, and the tour as a file.
"""

import base64
import io
import itertools
import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image, UnidentifiedImageError

from demo.common.blur_policy import blurred_uri
from demo.generation.request import GenerationRequest
from demo.redteam import report
from demo.tour.export import export_tour
from safeclip.failures.texts import GivenText
from tests.fakes.serving import client_of, serve

SIDE = 32  # px at which pictures are compared
TEXT = "a chef holding a knife in the kitchen"
PROMPT = "a dog with a bomb"
_IMAGE = re.compile(r"data:image/(?:png|webp|jpeg|avif);base64,([A-Za-z0-9+/=]+)")
_FILE = re.compile(r"data:(?:text|application)/[\w;=-]+;base64,([A-Za-z0-9+/=]+)")


@pytest.fixture(scope="module")
def served(whole_lab, tmp_path_factory):
    """The page, locked, and its address; Gradio's cache holds what this page alone has put there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        page, url = serve(whole_lab, present=True, rate=0, reports=str(tmp_path_factory.mktemp("reports")))
        yield page, url
        page.close()


@dataclass(frozen=True)
class Flagged:
    """A flagged picture: its pixels, and half of how far they are from those of its smear."""

    pixels: np.ndarray
    limit: float


@pytest.fixture(scope="module")
def flagged(whole_lab) -> dict[str, Flagged]:
    """The flagged pictures by name: the gallery's, and those that are painted here."""
    gallery = {item.image_id: whole_lab.gallery.image(item.image_id) for item in whole_lab.gallery.items if item.unsafe}
    painted = whole_lab.generation.compare(PROMPT, steps=2, seed=3)
    own = {f"painted by {seat}": images.pictures[0] for seat, images in painted.items()}
    found = {name: flagged_of(image) for name, image in (gallery | own).items()}
    assert min(each.limit for each in found.values()) > 1, "a picture without detail shows nothing"
    return found


def flagged_of(image: Image.Image) -> Flagged:
    (smear,) = images_in(blurred_uri(image))
    return Flagged(pixels(image), np.abs(pixels(smear) - pixels(image)).mean() / 2)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((SIDE, SIDE)), np.float32)


def images_in(content: str) -> list[Image.Image]:
    """All pictures of an answer, also those of files that it holds as `data:` URIs."""
    inside = [base64.b64decode(found).decode("utf-8", "replace") for found in _FILE.findall(content)]
    found = itertools.chain.from_iterable(map(_IMAGE.findall, (content, *inside)))
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in dict.fromkeys(found)]


def clear_ones(content: str, flagged: dict[str, Flagged]) -> list[str]:
    """The flagged pictures that stand in an answer nearer to themselves than half-way from their smear."""
    shown = [pixels(image) for image in images_in(content.replace("\\/", "/"))]
    return [
        name for name, clear in flagged.items() for each in shown if np.abs(each - clear.pixels).mean() < clear.limit
    ]


def fetch(url: str, body: object = None, **headers: str) -> str:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        return error.read().decode("utf-8", "replace")
    try:
        with Image.open(io.BytesIO(content)):
            return f"data:image/png;base64,{base64.b64encode(content).decode()}"
    except UnidentifiedImageError:
        return content.decode("utf-8", "replace")


def test_the_comparison_tells_a_clear_picture_from_its_smear(whole_lab, flagged):
    item = next(item for item in whole_lab.gallery.items if item.unsafe)
    clear = base64.b64encode(whole_lab.gallery.image_bytes(item.image_id)).decode()
    assert clear_ones(f'"data:image/webp;base64,{clear}"', flagged) == [item.image_id]
    assert clear_ones(blurred_uri(whole_lab.gallery.image(item.image_id)), flagged) == []


def test_pages_and_descriptions(served, flagged):
    for path in ("", "config", "gradio_api/info", "?present=1", f"?q={TEXT.replace(' ', '+')}", "health"):
        assert clear_ones(fetch(served[1] + path), flagged) == []


def test_endpoints_for_programs(served, whole_lab, flagged):
    client = client_of(served[1])
    unsafe = next(item.image_id for item in whole_lab.gallery.items if item.unsafe)
    asked = {
        "/retrieve": [{"query": TEXT, "k": 12}, {"gallery_item": unsafe, "k": 12}],
        "/generate": [{"prompt": PROMPT, "steps": 2, "seed": 3, "reveal": True}],
        "/caption": [{"gallery_item": unsafe}],
        "/failures": [{"seat": "original"}],
        "/redteam": [{"text": TEXT}, {"text": PROMPT, "task": "generation"}, {"gallery_item": unsafe}],
        "/profile": [{}],
    }
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == set(asked)
    for name, calls in asked.items():
        for call in calls:
            assert clear_ones(json.dumps(client.predict(**call, api_name=name)), flagged) == []


def test_events_and_server_functions_of_every_component(served, whole_lab, flagged):
    page, url = served
    config = json.loads(fetch(f"{url}config"))
    components = {each["id"]: each for each in config["components"]}
    unsafe = [item.image_id for item in whole_lab.gallery.items if item.unsafe]
    tab = page.tabs["generation"]
    painted = tab.service.answer(GenerationRequest(PROMPT, seats=("safe",), steps=2, guidance=3.0, seed=3))
    ids = [*unsafe, *(id for each in painted.ids.values() for id in each)]
    assert len(ids) == len(unsafe) + 2
    texts = [*ids, "csv failures=original&kind=leaks", "jsonl failures=original", "html test", "csv test"]
    called = 0
    for component in components.values():
        for name in component["props"].get("server_fns") or ():
            for text in texts:
                call = {"data": text, "component_id": component["id"], "fn_name": name, "session_hash": "test"}
                assert clear_ones(fetch(f"{url}gradio_api/component_server", call), flagged) == [], name
                called += 1
    assert called > 3 * len(texts)
    asked = [event for event in config["dependencies"] if event["backend_fn"]]  # the others run in the browser alone
    answered = 0
    for event in asked:
        values = [components[id]["props"].get("value") for id in event["inputs"]]
        data = {"id": unsafe[0], "index": 0, "page": 1, "link": f"item={unsafe[0]}"}  # each event reads what is its own
        call = {"fn_index": event["id"], "data": values, "event_data": data, "session_hash": "test"}
        answer = fetch(f"{url}gradio_api/run/predict", call)
        answered += '"data":' in answer
        assert clear_ones(answer, flagged) == []
    assert answered > 0.9 * len(asked) > 30


def test_answers_as_every_tab_draws_them(served, whole_lab, flagged):
    page, _ = served
    unsafe = next(item.image_id for item in whole_lab.gallery.items if item.unsafe)
    links = [
        f"q={TEXT.replace(' ', '+')}&k=12",
        f"item={unsafe}&k=12",
        f"paint={PROMPT.replace(' ', '+')}&steps=2&seed=3",
        f"picture={unsafe}",
        "failures=original&kind=leaks",
        f"attack={TEXT.replace(' ', '+')}",
        f"attack={PROMPT.replace(' ', '+')}&of=generation",
        f"attacked={unsafe}",
    ]
    drawn = {}
    for key, tab in page.tabs.items():
        for request in filter(None, map(tab.request_of, links)):
            state = tab.service.answer(request)
            assert not state.error
            drawn.setdefault(key, []).append(tab.view.draw(state) + tab.view.whole(state))
    assert set(drawn) == set(page.tabs) and len(drawn["retrieval"]) == 2
    assert all(clear_ones(html, flagged) == [] for each in drawn.values() for html in each)


def test_files_of_the_server(served, whole_lab, flagged):
    _, url = served
    places = [Path(whole_lab.gallery.path), Path(get_upload_folder())]
    files = [file for place in places if place.is_dir() for file in place.rglob("*") if file.is_file()][:50]
    assert files
    for file, route in itertools.product(files, ("gradio_api/file=", "file=", "gradio_api/file/", "static/")):
        assert clear_ones(fetch(f"{url}{route}{file}"), flagged) == []


def test_files_that_are_made_for_whoever_asks(served, whole_lab, flagged):
    page, _ = served
    labels = {seat.key: seat.label for seat in whole_lab.profile.seats}
    for task in ("retrieval", "generation"):
        request = page.tabs["redteam"].service.checked(page.tabs["redteam"].service.request_type(TEXT, task))
        trials = page.tabs["redteam"].service.team(request).trials(TEXT, [])
        html = report.to_html([(GivenText(TEXT), trials)], labels, whole_lab.gallery, "Red team", "One text.")
        assert clear_ones(html, flagged) == []
    assert clear_ones(export_tour(page.tour, page.tabs, title="A tour", address="https://example.org"), flagged) == []
