"""The worked examples of CONTRIBUTING.md, applied to a copy of the repository and run."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

PAGE = ROOT / "CONTRIBUTING.md"
PACKAGES = ("safeclip", "demo", "index_builder", "training")
LINKED = ("zoo", "pyproject.toml")
FILES_BESIDES = {"task": 2}  # how many files of the repository an example may change, where it is not one
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w+)\n(?:#|---) ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Example:
    """New files and changes of files by their paths, and the code that checks them."""

    files: dict[str, str] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)
    check: str = ""


def examples() -> dict[str, Example]:
    """The examples by the last word of their titles."""
    _, *parts = _SECTION.split(PAGE.read_text(encoding="utf-8"))
    found = {}
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        example = found[title.rpartition(" ")[2]] = Example()
        for language, name, content in _BLOCK.findall(text):
            if name == "check":
                example.check = content
            elif language == "diff":
                example.changes[name] = content
            else:
                example.files[name] = content
    return found


def changed(text: str, change: str) -> str:
    """`text` with the lines "-" replaced by the lines "+" that follow them, or "+" lines put after a context line."""
    hunks = re.findall(r"((?:^[ -].*\n)+)((?:^\+.*\n)+)", change, re.MULTILINE)
    assert hunks
    for old, new in hunks:
        before = "".join(line[1:] for line in old.splitlines(keepends=True))
        kept = "".join(line[1:] for line in old.splitlines(keepends=True) if line[0] == " ")
        assert text.count(before) == 1, f"not found once: {before}"
        text = text.replace(before, kept + "".join(line[1:] for line in new.splitlines(keepends=True)))
    return text


@pytest.fixture
def checkout(tmp_path) -> Path:
    """The packages, copied, and the zoo, linked."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINKED:
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize("name", examples())
def test_a_worked_example_works_as_it_is_written(name, checkout):
    example = examples()[name]
    assert example.check and len(example.changes) <= FILES_BESIDES.get(name, 1)
    for path, content in example.files.items():
        assert not (checkout / path).exists()
        (checkout / path).parent.mkdir(exist_ok=True)
        (checkout / path).write_text(content, encoding="utf-8")
    for path, change in example.changes.items():
        text = (checkout / path).read_text(encoding="utf-8")
        (checkout / path).write_text(changed(text, change), encoding="utf-8")
    code = [str(checkout / path) for path in (*example.files, *example.changes) if path.endswith(".py")]
    if code:
        run("-m", "ruff", "check", "--no-cache", *code, cwd=checkout)
    run("-c", example.check, cwd=checkout)


def run(*arguments: str, cwd: Path) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_change_puts_lines_after_others_and_replaces_them():
    text = "import a\nimport c\nTABLE = (a, c)\n"
    change = " import a\n+import b\n-TABLE = (a, c)\n+TABLE = (a, b, c)\n"
    assert changed(text, change) == "import a\nimport b\nimport c\nTABLE = (a, b, c)\n"
    with pytest.raises(AssertionError, match="not found once"):
        changed(text, "-nothing\n+something\n")


def test_there_is_an_example_of_each_thing_that_is_added():
    assert {"profile", "judge", "format", "objective", "task"} <= set(examples())
