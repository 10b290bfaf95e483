"""Card of a trained model, for its repository on the hub: base, how it is loaded, figures and recipe."""

import json
import re
import tomllib
from pathlib import Path, PureWindowsPath
from typing import Any

from safeclip.errors import CheckpointError
from safeclip.runtime.checkpoint_names import Repository, is_repository
from safeclip.schema import toml_string

from .base_name import base_name
from .evaluation.papers.report import FIGURES, tables
from .recipes.safe_clip import LEARNT
from .run_files import ADAPTER_CONFIG

RECIPE, CARD = "recipe.toml", "README.md"
_TEXT = re.compile(r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")


def require_whole(adapter: Path) -> None:
    """Raises CheckpointError for an adapter whose objective learnt numbers too, as HySAC's learns a curvature."""
    if (adapter / LEARNT).is_file():
        raise CheckpointError(
            f"{adapter}: its objective learnt numbers of its own, {LEARNT}, which no library's layout holds; without "
            "them it is not what was trained. The figures of its own run are in metrics.jsonl."
        )


def adapter_config(adapter: Path) -> dict[str, Any]:
    """PEFT's configuration of a finished run's adapter. Raises CheckpointError, as for one that is not whole."""
    require_whole(adapter)
    try:
        return json.loads((adapter / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{adapter}: there is no adapter of a finished training ({error}).") from error


def _without_paths(recipe: str, base: str) -> str:
    """The text of a recipe, with the names of folders in place of their absolute paths."""

    def named(match: re.Match) -> str:
        try:
            text = tomllib.loads(f"text = {match[0]}")["text"]
        except tomllib.TOMLDecodeError:  # a comment's, which need not be TOML
            text = match[0][1:-1]
        if not text.startswith(("/", "~")) and not PureWindowsPath(text).drive:
            return match[0]
        return toml_string(base_name(base) if text == base else PureWindowsPath(text).name)  # which splits at / too

    return _TEXT.sub(named, recipe)


def card(run: Path, base: str, *, library: str, license: str, use: str) -> str:
    """The card in Markdown of what a run trained from `base`; `use` is the code that loads it with `library`.

    The tables are those of the run's evaluation.json, where it has one, and the recipe is that in its folder. Paths of
    this machine are not shown: a folder has its name alone.
    """
    public = is_repository(base)
    of = f"base_model: {Repository.parse(base).id}\n" if public else ""  # the hub takes no card that names another base
    head = f"---\nlicense: {license}\nlibrary_name: {library}\n{of}tags: [safe-clip]\n---"
    parts = [head, f"# Safe-CLIP of {base_name(base)}", f"```python\n{use.strip()}\n```"]
    if (run / FIGURES).is_file():
        result = json.loads((run / FIGURES).read_text(encoding="utf-8"))
        parts += [f"## {table.title}\n\n{table.markdown()}" for table in tables(result)]
    else:
        parts.append("No evaluation was made of it: `safeclip-train evaluate` makes one.")
    if (run / RECIPE).is_file():
        recipe = _without_paths((run / RECIPE).read_text(encoding="utf-8").strip(), base)
        parts.append(f"## Recipe\n\n```toml\n{recipe}\n```")
    parts.append("It reduces harmful answers and does not prevent them.")
    return "\n\n".join(parts) + "\n"
