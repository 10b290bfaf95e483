"""The pages of the documentation, and the code in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])

_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of code: its page, the line of its first line, its language and text."""

    page: Path
    line: int
    language: str
    text: str


def blocks(*pages: Path, language: str) -> list[Block]:
    """The fenced blocks of a language, in the order of the pages."""
    return [block for page in pages for block in _blocks(page) if block.language == language]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 2, match[1], match[2])


def run(block: Block, names: dict) -> dict:
    """Executes a block of Python with `names`, to which it adds its own; tracebacks show its page and line."""
    source = "\n" * (block.line - 1) + block.text
    exec(compile(source, str(block.page), "exec"), names)
    return names
