"""The worked examples of CONTRIBUTING.md, applied to a copy of the repository and run."""

import json
import os
import re
import shutil
import subprocess
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.forks import fork

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


EXAMPLES = examples()


def run_checks(checkout: str) -> int:
    """Runs the checks on the packages of the checkout, and writes what became of them into a file there."""
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]  # those of the repository
    sys.path.insert(0, checkout)
    os.chdir(checkout)
    outcomes = {}
    for name, example in EXAMPLES.items():
        try:
            exec(compile(example.check, name, "exec"), {"__name__": "__main__"})
            outcomes[name] = ""
        except Exception:
            outcomes[name] = traceback.format_exc()
    assert sys.modules["safeclip"].__file__.startswith(checkout)
    Path("outcomes.json").write_text(json.dumps(outcomes), encoding="utf-8")
    return 0


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


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """The packages, copied, with every example applied; the zoo, linked."""
    folder = tmp_path_factory.mktemp("checkout")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    for example in EXAMPLES.values():
        for path, content in example.files.items():
            assert not (folder / path).exists()
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")
        for path, change in example.changes.items():
            text = (folder / path).read_text(encoding="utf-8")
            (folder / path).write_text(changed(text, change), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def outcomes(checkout) -> dict[str, str]:
    """The traceback of each example's check, "" where it passed. One process runs them all."""
    process = fork(run_checks, str(checkout))
    process.join()
    assert process.exitcode == 0
    return json.loads((checkout / "outcomes.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_worked_example_works_as_it_is_written(name, outcomes):
    assert EXAMPLES[name].check and not outcomes[name], outcomes[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_worked_example_touches_few_files_and_keeps_the_style(name, checkout):
    example = EXAMPLES[name]
    assert len(example.changes) <= FILES_BESIDES.get(name, 1)
    if code := [path for path in (*example.files, *example.changes) if path.endswith(".py")]:
        command = [sys.executable, "-m", "ruff", "check", "--no-cache", *code]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_change_puts_lines_after_others_and_replaces_them():
    text = "import a\nimport c\nTABLE = (a, c)\n"
    change = " import a\n+import b\n-TABLE = (a, c)\n+TABLE = (a, b, c)\n"
    assert changed(text, change) == "import a\nimport b\nimport c\nTABLE = (a, b, c)\n"
    with pytest.raises(AssertionError, match="not found once"):
        changed(text, "-nothing\n+something\n")


def test_there_is_an_example_of_each_thing_that_is_added():
    assert {"profile", "judge", "format", "objective", "task"} <= set(EXAMPLES)
