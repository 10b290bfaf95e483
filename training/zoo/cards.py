"""Writes the model cards of the zoo, and the figures of README.md and docs/results.md, from the recipes, the records of
training and `zoo/metrics.json`: nothing is typed in by hand.

python -m training.zoo.cards
"""

import argparse
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

from safeclip.paths import root

from .catalogue import CARDS, Card, Recipe
from .publishing import CARD, TrainingRecord
from .retrieval_tables import NOT_MEASURED, retrieval_tables
from .tables import RESULTS, captioning_sections, generation_page, headline_table

RECIPES = Path(__file__).parent.parent / "recipes"
METRICS = "metrics.json"  # of the zoo, and of a model that was measured by its training


def _front_matter(card: Card) -> str:
    base = f"base_model: ../{card.base}\n" if card.base else ""
    datasets = f"datasets: [{card.datasets}]\n" if card.datasets else ""
    return f"---\nlicense: apache-2.0\nlibrary_name: {card.library}\npipeline_tag: {card.task}\n{base}{datasets}---\n"


def _recipe(recipe: Recipe, record: TrainingRecord) -> str:
    text = (RECIPES / f"{recipe.name}.toml").read_text(encoding="utf-8")
    return f"""Seed {tomllib.loads(text)["seed"]}; {record.hardware}, bfloat16 autocast, {record.minutes:.0f} minutes for {record.steps} steps.

```toml
{text.strip()}
```"""


def render(card: Card, metrics: dict, records: Sequence[TrainingRecord]) -> str:
    """The text of one README.md; `records` are those of the card's recipes."""
    recipes = "\n\n".join(_recipe(*each) for each in zip(card.recipes, records, strict=True))
    results = RESULTS[card.results](metrics, *card.seats)
    return f"""{_front_matter(card)}# {card.title}

{card.summary}

## Data
{card.data}

## Results
{results}

## Recipe
{recipes}

## Limits
{card.limits}
"""


def between_marks(text: str, name: str, content: str) -> str:
    """Replaces what stands between the marks <!-- name --> and <!-- /name --> of `text`."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, rest = text.split(start)
    _, after = rest.split(end)
    return f"{before}{start}\n{content}\n{end}{after}"


def pages(metrics: dict) -> list[tuple[str, str, str]]:
    """Pages of the repository, the name of the marks in each, and the figures between them."""
    tables = []
    if "captioning" in metrics:
        tables.append(captioning_sections(metrics["captioning"]))
    if "generation" in metrics:
        tables.append(generation_page(metrics["generation"]))
    return [
        ("README.md", "headline", headline_table(metrics)),
        ("docs/results.md", "retrieval", retrieval_tables(metrics)),
        ("docs/results.md", "captioning and generation", "\n\n".join(tables) or NOT_MEASURED),
    ]


def write_all(zoo: Path) -> None:
    """Writes the card of every model that the zoo holds, and the figures of the pages beside the zoo."""
    metrics = _read(zoo / METRICS)
    for card in CARDS:
        folder = zoo / card.folder
        if not folder.is_dir():
            continue
        records = [TrainingRecord.read(folder / recipe.weights) for recipe in card.recipes]
        own = {card.folder: _read(folder / METRICS)} if (folder / METRICS).is_file() else {}
        (folder / CARD).write_text(render(card, {**metrics, **own}, records), encoding="utf-8")
    for page, name, content in pages(metrics):
        file = zoo.parent / page
        file.write_text(between_marks(file.read_text(encoding="utf-8"), name, content), encoding="utf-8")


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    write_all(root() / "zoo")
