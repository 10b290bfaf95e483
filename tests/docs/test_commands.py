"""Every command that the documentation shows exists, and takes the flags that it is given there."""

import contextlib
import io
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
import warnings

import pytest

import demo.cli
import index_builder.cli
import training.cli
from tests.docs.pages import PAGES, ROOT, blocks

INSTALLED = {"safeclip-demo": demo.cli, "safeclip-index": index_builder.cli, "safeclip-train": training.cli}
FOREIGN = {".", "apt", "git", "pre-commit"}  # commands that are not ours
_INLINE = re.compile(r"`((?:python |make |safeclip-)[^`]+)`")
_VARIABLE = re.compile(r"[A-Z_]+=\S*")


def commands() -> list[str]:
    """The commands in blocks of shell and between backquotes, comments and variables left out."""
    lines = [line for block in blocks(*PAGES, language="sh") for line in block.text.replace("\\\n", " ").splitlines()]
    for page in PAGES:
        lines += [" ".join(each.split()) for each in _INLINE.findall(page.read_text(encoding="utf-8"))]
    read = [shlex.split(line.replace("…", ""), comments=True) for line in lines]
    return sorted({shlex.join(words) for words in map(without_variables, read) if words})


def without_variables(words: list[str]) -> list[str]:
    while words and _VARIABLE.fullmatch(words[0]):
        words = words[1:]
    return words


def help_of(words: list[str]) -> str:
    """What a command prints with --help in the place of its flags; sub-commands stay."""
    program, arguments = words[0], words[1:]
    first = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        INSTALLED[program].main([*arguments[:first], "--help"])
    return said.getvalue()


def module_help(module: str, arguments: list[str]) -> str:
    said, before = io.StringIO(), sys.argv
    first = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    sys.argv = [module, *arguments[:first], "--help"]
    try:
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # runpy's about a module that another test imported
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        sys.argv = before
    return said.getvalue()


def check_flags(arguments: list[str], help: str) -> None:
    assert "usage" in help
    for word in arguments:
        if word.startswith("--") and word != "--help":
            assert re.search(rf"{re.escape(word)}\b", help), f"{word} is no flag"


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_documentation_parses(command):
    words = shlex.split(command)
    if words[0] == "make":
        done = subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    elif words[:2] == ["python", "app.py"]:
        check_flags(words[2:], help_of(["safeclip-demo", *words[2:]]))
    elif words[:3] == ["python", "-m", "pytest"]:
        assert all((ROOT / word).exists() for word in words[3:] if word.startswith("tests"))
    elif words[:2] == ["python", "-m"]:
        check_flags(words[3:], module_help(words[2], words[3:]))
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file()
    elif words[0] in INSTALLED:
        check_flags(words[1:], help_of(words))
    elif words[:2] == ["pip", "install"]:
        check_requirements(words[2:])
    else:
        assert words[0] in FOREIGN


def check_requirements(names: list[str]) -> None:
    """Extras that are asked for exist, and files that are named have the version of this checkout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in names:
        if match := re.search(r"\[(.*)\]", name):
            assert set(match[1].split(",")) <= set(project["optional-dependencies"]), name
        if ".whl" in name:
            from safeclip import __version__

            assert name.startswith(f"dist/safeclip_lab-{__version__}-py3-none-any.whl")


def test_the_documentation_shows_the_installed_commands():
    shown = {shlex.split(command)[0] for command in commands()}
    assert set(INSTALLED) <= shown and "make" in shown
