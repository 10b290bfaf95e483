"""Writes the model cards of the zoo and the figures of the README, from the recipes, the records of training and
`zoo/metrics.json`: nothing is typed in by hand.

python -m training.zoo.cards
"""

import argparse
import json
from pathlib import Path

from safeclip.compat import tomllib
from safeclip.profiles import root
from training.zoo.catalogue import CARDS, Card
from training.zoo.publishing import CARD, TrainingRecord
from training.zoo.tables import captioning_table, retrieval_table

RECIPES = Path(__file__).parent.parent / "recipes"
MARKS = ("<!-- measured -->", "<!-- /measured -->")  # around the README's figures


def _front_matter(card: Card) -> str:
    base = f"base_model: ../{card.base}\n" if card.base else ""
    return (
        f"---\nlicense: apache-2.0\nlibrary_name: {card.library}\npipeline_tag: {card.task}\n"
        f"{base}datasets: [../gallery]\n---\n"
    )


def render(card: Card, metrics: dict, record: TrainingRecord) -> str:
    """The text of one README.md."""
    recipe = (RECIPES / f"{card.folder}.toml").read_text(encoding="utf-8")
    return f"""{_front_matter(card)}# {card.title}

{card.summary}

## Data
ViSU-Emoji, training split: {card.items}, painted while training from the recipe's seed in three art styles: Noto (Apache-2.0),
Fluent (MIT), Twemoji (CC-BY-4.0). Test combinations of subject and object occur nowhere in it.

## Results
{card.results(metrics)}

## Recipe
Seed {tomllib.loads(recipe)["seed"]}; {record.hardware}, bfloat16 autocast, {record.minutes:.0f} minutes for {record.steps} steps.

```toml
{recipe.strip()}
```

## Limits
{card.limits}
"""


def refresh_readme(readme: Path, metrics: dict) -> None:
    """Put the measured figures between the two marks of the repository's README."""
    before, rest = readme.read_text(encoding="utf-8").split(MARKS[0])
    _, after = rest.split(MARKS[1])
    tables = [retrieval_table(metrics, list(metrics["retrieval"]))]
    if "captioning" in metrics:
        tables.append(captioning_table(metrics))
    measured = "\n\n".join(tables)
    readme.write_text(f"{before}{MARKS[0]}\n{measured}\n{MARKS[1]}{after}", encoding="utf-8")


def write_all(zoo: Path) -> None:
    """Write the card of every model that the zoo holds, and the figures of the README."""
    metrics = json.loads((zoo / "metrics.json").read_text(encoding="utf-8"))
    for card in CARDS:
        folder = zoo / card.folder
        if folder.is_dir():
            (folder / CARD).write_text(render(card, metrics, TrainingRecord.read(folder)), encoding="utf-8")
    refresh_readme(zoo.parent / "README.md", metrics)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    write_all(root() / "zoo")
