"""Ways to ask a served page: as its script does, as a program does, and for nothing."""

import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import httpx

PATIENCE = 120.0  # seconds for one answer


@dataclass(frozen=True)
class Session:
    """One visitor's session: its name, and the headers by which a load balancer knows the visitor."""

    name: str
    headers: Mapping[str, str]


class Way(Protocol):
    """A way to visit a page: `open` it, and `ask` it texts. Raises RuntimeError when an answer is an error."""

    async def open(self, client: aiohttp.ClientSession) -> Session: ...

    async def ask(self, client: aiohttp.ClientSession, session: Session, text: str) -> None: ...


async def open_page(client: aiohttp.ClientSession) -> Session:
    """Opens the page as a browser does, which keeps its connection and its cookies."""
    async with client.get("") as opened:
        await opened.read()
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in opened.cookies.items())
    return Session(secrets.token_hex(6), {"Cookie": cookies} if cookies else {})


@dataclass(frozen=True)
class Program:
    """Asks the endpoint /retrieve. `defaults` are the values of its parameters after the text."""

    defaults: tuple[Any, ...]

    @classmethod
    def of(cls, info: dict[str, Any]) -> "Program":
        """Reads the defaults from a page's /gradio_api/info."""
        _, *others = info["named_endpoints"]["/retrieve"]["parameters"]
        return cls(tuple(each["parameter_default"] for each in others))

    async def open(self, client: aiohttp.ClientSession) -> Session:
        address = ipaddress.IPv4Address(secrets.randbits(24) | 10 << 24)  # programs come from many machines
        return Session("", {"X-Forwarded-For": str(address)})

    async def ask(self, client: aiohttp.ClientSession, session: Session, text: str) -> None:
        asked = {"data": [text, *self.defaults]}
        async with client.post("gradio_api/call/retrieve", json=asked, headers=session.headers) as begun:
            event = (await begun.json())["event_id"]
        async with client.get(f"gradio_api/call/retrieve/{event}", headers=session.headers) as stream:
            answer = await stream.read()
        if b"event: complete" not in answer:
            raise RuntimeError(f"/retrieve answered {answer[-300:].decode()}")


@dataclass(frozen=True)
class Browser:
    """Asks as the page's script does: presses Compare, whose event is answered with the drawn columns.

    `values` are those of the tab's controls and of the number of what the browser begins; the text is number `text`
    among them.
    """

    run: int
    button: int
    text: int
    values: tuple[Any, ...]

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Browser":
        """Finds the event of the first tab in a page's /config."""
        components = {each["id"]: each["props"] for each in config["components"]}
        button = next(id for id, props in components.items() if "sc-go" in (props.get("elem_classes") or ()))
        run = next(each for each in config["dependencies"] if [button, "click"] in each["targets"])
        *controls, _ = [components[id] for id in run["inputs"]]
        text = next(i for i, props in enumerate(controls) if props.get("elem_id") == "sc-text")
        return cls(run["id"], button, text, (*(props.get("value") for props in controls), 1))

    async def open(self, client: aiohttp.ClientSession) -> Session:
        return await open_page(client)

    async def ask(self, client: aiohttp.ClientSession, session: Session, text: str) -> None:
        values = [*self.values[: self.text], text, *self.values[self.text + 1 :]]
        asked = {"fn_index": self.run, "data": values, "session_hash": session.name, "trigger_id": self.button}
        async with client.post("gradio_api/run/predict", json=asked, headers=session.headers) as reply:
            answer = await reply.read()
        if b'data-state=\\"done\\"' not in answer:
            raise RuntimeError(f"the page answered {answer[-300:].decode()}")


@dataclass(frozen=True)
class Empty:
    """Presses Stop where nothing runs: an event without inputs, outputs and an answer."""

    run: int
    button: int

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Empty":
        """Finds the event of the first tab in a page's /config."""
        buttons = [
            each["id"] for each in config["components"] if "sc-stop" in (each["props"].get("elem_classes") or ())
        ]
        run = next(each for each in config["dependencies"] if [buttons[0], "click"] in each["targets"])
        return cls(run["id"], buttons[0])

    async def open(self, client: aiohttp.ClientSession) -> Session:
        return await open_page(client)

    async def ask(self, client: aiohttp.ClientSession, session: Session, text: str) -> None:
        asked = {"fn_index": self.run, "data": [], "session_hash": session.name, "trigger_id": self.button}
        async with client.post("gradio_api/run/predict", json=asked, headers=session.headers) as reply:
            await reply.read()


def ways(url: str) -> dict[str, Way]:
    """The ways to ask a page: as its script does, as a program does, and for nothing."""
    config, info = (httpx.get(f"{url}{path}", timeout=PATIENCE).json() for path in ("config", "gradio_api/info"))
    return {"browser": Browser.of(config), "program": Program.of(info), "empty": Empty.of(config)}
