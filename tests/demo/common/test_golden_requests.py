"""Links and downloads of earlier versions restore what they restored when they were made.

golden_requests.json was written by the code before links, files and the API shared one declaration of fields. "read"
holds addresses, malformed ones too, with the fields in which the restored request differs from the tab's default (null:
nothing is asked); "written" holds requests with their links; "downloads" holds PNG files as base64.
"""

import base64
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from demo.captioning.request import CaptioningRequest
from demo.generation import png_metadata
from demo.generation.request import GenerationRequest
from demo.retrieval.request import RetrievalRequest

GOLDEN = json.loads(Path(__file__).with_name("golden_requests.json").read_text(encoding="utf-8"))
REQUESTS = {"retrieval": RetrievalRequest, "captioning": CaptioningRequest, "generation": GenerationRequest}


def typed(fields: dict) -> dict:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


DEFAULTS = {task: request(**typed(GOLDEN["defaults"][task])) for task, request in REQUESTS.items()}


@pytest.mark.parametrize("row", GOLDEN["read"], ids=lambda row: f"{row['task']}-{row['link'][:60]}")
def test_an_address_restores_what_it_did(row):
    default = DEFAULTS[row["task"]]
    found = type(default).from_link(dict(parse_qsl(row["link"], keep_blank_values=True)), default)
    assert found == (None if row["restores"] is None else replace(default, **typed(row["restores"])))


@pytest.mark.parametrize("row", GOLDEN["written"], ids=lambda row: f"{row['task']}-{row['link'][:60]}")
def test_a_request_has_the_link_it_had(row):
    assert REQUESTS[row["task"]](**typed(row["request"])).to_link() == row["link"]


@pytest.mark.parametrize("row", GOLDEN["downloads"], ids=lambda row: row["holds"])
def test_a_download_brings_its_settings_back(row):
    default = DEFAULTS["generation"]
    found = GenerationRequest.from_saved(png_metadata.read(base64.b64decode(row["png"])), default)
    assert found == (None if row["restores"] is None else replace(default, **typed(row["restores"])))
