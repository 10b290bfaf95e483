"""Documentation of a page's endpoints, as the running page describes them to programs: docs/api.md holds it.

    python -m demo.api_docs

Writes it between the marks of docs/api.md, from the profile `emoji`, which seats every task.
"""

import argparse
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_function_description

from safeclip.runtime.atomic_files import write_atomically

MARKS = ("<!-- endpoints -->", "<!-- /endpoints -->")
PAGE = Path(__file__).parents[1] / "docs" / "api.md"

_REST = " | "


def endpoints(page: gr.Blocks) -> str:
    """A section for each public endpoint: what it does, its parameters, and what it returns, in Markdown."""
    described = page.get_api_info()["named_endpoints"]
    functions = {f"/{each.api_name}": each.fn for each in page.fns.values() if f"/{each.api_name}" in described}
    return "\n".join(_endpoint(name, info, functions[name]) for name, info in described.items())


def between_marks(text: str, content: str) -> str:
    """`text` with `content` in the place of what stands between the marks."""
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return f"{before}{MARKS[0]}\n{content}\n{MARKS[1]}{after}"


def _endpoint(name: str, info: Any, function: Any) -> str:
    _, _, returns = get_function_description(function)
    lines = [f"### `{name}`", "", info["description"], ""]
    if info["parameters"]:
        lines += ["| parameter | type | default | |", "|---|---|---|---|", *map(_parameter, info["parameters"]), ""]
    if said := " ".join(line.strip() for line in returns if line.strip()):
        shape, end, remark = said.rpartition("}")
        lines += [f"Returns `{shape}{end}`{remark}", ""]
    return "\n".join(lines)


def _parameter(each: Any) -> str:
    kind = each["python_type"]
    default = f"`{each['parameter_default']!r}`" if each["parameter_has_default"] else "required"
    cells = [f"`{each['parameter_name']}`", f"`{kind['type']}`", default, kind["description"] or each["label"]]
    return f"| {_REST.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(description=__doc__, formatter_class=raw).parse_args()
    import safeclip

    from .page import build
    from .settings import Settings

    page = build(safeclip.open("emoji"), Settings())
    text = PAGE.read_text(encoding="utf-8")
    write_atomically(PAGE, between_marks(text, endpoints(page)).encode())


if __name__ == "__main__":
    main()
