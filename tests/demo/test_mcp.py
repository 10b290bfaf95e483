"""The endpoints as tools, by the official client of the Model Context Protocol; skipped without the extra `mcp`."""

import ast
import json

import pytest

from tests.fakes.serving import in_own_loop, serve

pytest.importorskip("mcp")


@pytest.fixture(scope="module")
def address(tiny_lab):
    page, url = serve(tiny_lab, mcp=True)
    yield f"{url}gradio_api/mcp/"
    page.close()


async def call(address: str, tool: str, **values):
    """The names of all tools, and the content that one of them answers with."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(address) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        tools = {each.name: each for each in (await session.list_tools()).tools}
        (name,) = [each for each in tools if each.endswith(tool)]
        return tools, name, await session.call_tool(name, values)


def test_a_task_is_a_tool_that_answers(address, tiny_lab):
    tools, name, result = in_own_loop(call(address, "retrieve", query="a chef holding a knife", k=3))
    assert "several encoders" in tools[name].description
    assert "from 1 to 48" in json.dumps(tools[name].inputSchema)
    answer = ast.literal_eval(result.content[0].text)  # Gradio writes a dict as Python does
    expected = tiny_lab.retrieval.compare("a chef holding a knife", k=3).to_dict()
    assert answer["seats"]["safe"]["hits"] == json.loads(json.dumps(expected["seats"]["safe"]["hits"]))


def test_a_wrong_value_is_a_sentence(address):
    _, _, result = in_own_loop(call(address, "retrieve", query="a dog", k=99))
    assert result.isError and "from 1 to 48" in result.content[0].text
