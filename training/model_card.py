"""Card of a trained model, for its repository on the hub: base, how it is loaded, figures and recipe."""

import json
from pathlib import Path

from .evaluation.papers.report import FIGURES, tables

RECIPE, CARD = "recipe.toml", "README.md"


def card(run: Path, base: str, *, library: str, license: str, use: str) -> str:
    """The card in Markdown of what a run trained from `base`; `use` is the code that loads it with `library`.

    The tables are those of the run's evaluation.json, where it has one, and the recipe is that in its folder.
    """
    head = f"---\nlicense: {license}\nlibrary_name: {library}\nbase_model: {base}\ntags: [safe-clip]\n---"
    parts = [head, f"# Safe-CLIP of {base}", f"```python\n{use.strip()}\n```"]
    if (run / FIGURES).is_file():
        result = json.loads((run / FIGURES).read_text(encoding="utf-8"))
        parts += [f"## {table.title}\n\n{table.markdown()}" for table in tables(result)]
    else:
        parts.append("No evaluation was made of it: `safeclip-train evaluate` makes one.")
    if (run / RECIPE).is_file():
        parts.append(f"## Recipe\n\n```toml\n{(run / RECIPE).read_text(encoding='utf-8').strip()}\n```")
    parts.append("It reduces harmful answers and does not prevent them.")
    return "\n\n".join(parts) + "\n"
