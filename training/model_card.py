"""Card of a trained model, for its repository on the hub: base, how it is loaded, figures and recipe."""

import json
from pathlib import Path

from safeclip.errors import CheckpointError
from safeclip.runtime.checkpoint_names import Repository, is_repository

from .evaluation.papers.report import FIGURES, tables
from .recipes.safe_clip import LEARNT

RECIPE, CARD = "recipe.toml", "README.md"


def require_whole(adapter: Path) -> None:
    """Raises CheckpointError for an adapter whose objective learnt numbers too, as HySAC's learns a curvature."""
    if (adapter / LEARNT).is_file():
        raise CheckpointError(
            f"{adapter}: its objective learnt numbers of its own, {LEARNT}, which no library's layout holds; without "
            "them it is not what was trained. The figures of its own run are in metrics.jsonl."
        )


def card(run: Path, base: str, *, library: str, license: str, use: str) -> str:
    """The card in Markdown of what a run trained from `base`; `use` is the code that loads it with `library`.

    The tables are those of the run's evaluation.json, where it has one, and the recipe is that in its folder.
    """
    public = is_repository(base)
    of = f"base_model: {Repository.parse(base).id}\n" if public else ""  # the hub takes no card that names another base
    head = f"---\nlicense: {license}\nlibrary_name: {library}\n{of}tags: [safe-clip]\n---"
    parts = [head, f"# Safe-CLIP of {base if public else Path(base).name}", f"```python\n{use.strip()}\n```"]
    if (run / FIGURES).is_file():
        result = json.loads((run / FIGURES).read_text(encoding="utf-8"))
        parts += [f"## {table.title}\n\n{table.markdown()}" for table in tables(result)]
    else:
        parts.append("No evaluation was made of it: `safeclip-train evaluate` makes one.")
    if (run / RECIPE).is_file():
        parts.append(f"## Recipe\n\n```toml\n{(run / RECIPE).read_text(encoding='utf-8').strip()}\n```")
    parts.append("It reduces harmful answers and does not prevent them.")
    return "\n\n".join(parts) + "\n"
