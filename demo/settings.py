"""The settings of the page: one table gives the flags, their environment variables and the help text."""

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

ENV_PREFIX = "SAFECLIP_"
# What gradio reads and a Space sets; our own names win.
_GRADIO_NAMES = {"host": "GRADIO_SERVER_NAME", "port": "GRADIO_SERVER_PORT"}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


def _flag(default: Any, help: str, **more: Any) -> Any:
    return field(default=default, metadata={"help": help, **more})


@dataclass(frozen=True)
class Settings:
    """Settings of how the page is served. Each field is a flag of app.py and an environment variable."""

    profile: str = _flag(
        "emoji",
        "which models to seat: a profile's name, the path of a .toml file, or auto for the best that can run here",
    )
    seat: tuple[str, ...] = _flag(
        (), "one more column: label=folder, repository or epoch_K.pt; +adapter at the end merges one; may be repeated"
    )
    reference: str = _flag("", "another original to compare with: label=folder or repository")
    tasks: tuple[str, ...] = _flag((), "only these of the profile's tasks: retrieval, generation, captioning")
    gallery: str = _flag("", "what to search: a folder of pictures, a gallery, or hf://datasets/OWNER/NAME@REVISION")
    gallery_rows: int = _flag(
        0, "take the first so many pictures of a folder or a dataset (default: 10,000)", low=0, high=100_000_000
    )
    check: bool = _flag(False, "say what the profile needs and whether this machine can run it, then stop")
    selftest: bool = _flag(False, "load what the profile names, ask fixed questions, print one JSON value, then stop")
    host: str = _flag("127.0.0.1", "address to listen on; 0.0.0.0 lets other machines in")
    port: int = _flag(7860, "port to listen on", low=1, high=65535)
    processes: int = _flag(
        1, "how many processes answer, each with models of its own; more than one needs nginx", low=1, high=64
    )
    share: bool = _flag(False, "also open a public link through Gradio's relay (needs a network)")
    present: bool = _flag(
        False, "the stage: the tour by arrow or page keys, larger type, no controls; blurred pictures stay blurred"
    )
    link: str = _flag("", "address behind the code at the tour's last stop; this Space or the paper when left out")
    lock_reveal: bool = _flag(
        False, "never show an unsafe picture unblurred, whoever asks; on a Space on for every profile but emoji"
    )
    open_browser: bool = _flag(False, "open the page in the default browser once it is up")
    mcp: bool = _flag(False, "offer the endpoints as tools of the Model Context Protocol too (needs gradio[mcp])")
    json_log: bool = _flag(False, "write a line of JSON for each answer to standard error, without anybody's words")
    reports: str = _flag("~/.safeclip/reports", "folder in which reports of visitors are kept; empty for no reports")
    reports_repo: str = _flag("", "dataset of the hub, owner/name, to which reports are copied; made private")
    queue_size: int = _flag(256, "how many requests may wait before new ones are turned away", low=1, high=10_000)
    rate: int = _flag(120, "how many questions a minute one session may ask; 0 for any number", low=0, high=100_000)
    concurrency: int = _flag(
        1, "how many queries are answered at the same time; one by one, no answer overtakes another", low=1, high=64
    )
    max_upload_mb: int = _flag(20, "largest picture that a visitor may upload, in megabytes", low=1, high=500)
    cache_size: int = _flag(256, "how many answers are kept in memory, examples included", low=1, high=100_000)
    root_path: str = _flag("", "path under which a reverse proxy serves the page, such as /demo")

    @property
    def reveal_locked(self) -> bool:
        """Whether the server refuses to hand out any unsafe picture unblurred."""
        return self.present or self.lock_reveal


def env_name(name: str) -> str:
    """A field of Settings → its environment variable."""
    return ENV_PREFIX + name.upper()


def parse(
    argv: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    program: str = "app.py",
    more: str = "",
) -> Settings:
    """Reads the flags, over the environment, over the defaults. An invalid value ends `program` with status 2.

    `more` are sentences at the end of the help.
    """
    environ = os.environ if environ is None else environ
    parser = argparse.ArgumentParser(
        prog=program,
        description="Original CLIP and Safe-CLIP, side by side, in the browser.",
        epilog="Each flag can also be set by the environment variable beside it; a flag wins. "
        "On a switch, --no-… turns it off again. " + more,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=28, width=100),
    )
    on_space = bool(environ.get("SPACE_ID"))
    several: dict[str, Any] = {}  # flags that may be repeated, with what holds where none is given
    for each in fields(Settings):
        text = environ.get(env_name(each.name))
        default = each.default
        name = env_name(each.name)
        if text is None:
            name, text = _GRADIO_NAMES.get(each.name, name), environ.get(_GRADIO_NAMES.get(each.name, name))
        if text is not None:
            try:
                default = _read(text, each)
            except ValueError as error:
                parser.error(f"environment variable {name}: {error}")
        elif each.name == "host" and on_space:
            default = "0.0.0.0"  # a Space's own proxy is another machine
        shown = "off" if default is False else "on" if default is True else default or "none"
        options: dict[str, Any] = {
            "default": None if each.name == "lock_reveal" and text is None else default,
            "help": f"{each.metadata['help']} [{env_name(each.name)}; {shown}]",
        }
        if each.type is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif each.type == tuple[str, ...]:
            several[each.name] = default
            options |= {"action": "append", "type": _reader(each), "metavar": "TEXT", "default": None}
        else:
            options["type"] = _reader(each)
            options["metavar"] = "N" if each.type is int else "TEXT"
        parser.add_argument("--" + each.name.replace("_", "-"), **options)
    given = vars(parser.parse_args(argv))
    if given["lock_reveal"] is None:  # a Space shows strangers what a published profile finds among real pictures
        given["lock_reveal"] = on_space and (given["profile"] != "emoji" or bool(given["gallery"]))
    for name, default in several.items():
        given[name] = default if given[name] is None else sum(given[name], ())
    return Settings(**given)


def _reader(each: Any) -> Any:
    def read(text: str) -> Any:
        try:
            return _read(text, each)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _read(text: str, each: Any) -> Any:
    text = text.strip()
    if each.type is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError(f"{text!r} is neither on nor off; use 1 or 0")
        return text.lower() in _TRUE
    if each.type == tuple[str, ...]:
        return tuple(part.strip() for part in re.split(r"[;,]" if each.name == "tasks" else ";", text) if part.strip())
    if each.type is int:
        low, high = each.metadata["low"], each.metadata["high"]
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)
    return text
