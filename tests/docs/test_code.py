"""The Python code of the documentation runs, on the embedded models."""

import tomllib

import pytest

from safeclip.paths import resolve
from tests.docs.pages import ROOT, blocks, run
from tests.fakes.serving import serve

README, API, DEPLOYMENT = ROOT / "README.md", ROOT / "docs" / "api.md", ROOT / "docs" / "deployment.md"


@pytest.fixture(scope="module")
def names() -> dict:
    """What the blocks define, shared so that models are loaded once."""
    return {}


def test_the_library_in_ten_lines(names, capsys):
    (block,) = blocks(README, language="python")
    assert len(block.text.splitlines()) <= 10
    run(block, names)
    unsafe, moved, answer, flagged = capsys.readouterr().out.splitlines()
    assert [int(count) for count in unsafe.split()] == [
        names["found"]["original"].unsafe_count,
        names["found"]["safe"].unsafe_count,
    ]
    assert "Movement(" in moved and answer and flagged == "True False"


def test_the_library_in_the_documentation(names):
    for block in blocks(API, language="python"):
        if "gradio_client" not in block.text:
            run(block, names)
    assert set(names["found"]) == set(names["said"]) == set(names["painted"]) == {"original", "safe", "ours"}
    assert names["painted"]["original"].pictures[0].size == (128, 128)


def test_a_program_that_calls_the_page(tiny_lab):
    (block,) = [block for block in blocks(API, language="python") if "gradio_client" in block.text]
    page, url = serve(tiny_lab)
    try:
        served = type(block)(block.page, block.line, block.language, block.text.replace("http://127.0.0.1:7860", url))
        run(served, {})
    finally:
        page.close()


def test_tables_of_a_profile_are_toml():
    for block in blocks(*(ROOT / "docs").glob("*.md"), language="toml"):
        table = tomllib.loads(block.text)
        for path in table.get("retrieval", {}).values():
            assert resolve(path) == ROOT / path
