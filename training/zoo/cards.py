"""Model cards of the zoo and the figures of the README, written from the recipes, the runs' logs and `zoo/metrics.json`: nothing is typed in by hand.

python -m training.zoo.cards
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from safeclip.compat import tomllib
from safeclip.profiles import root
from training.report import DIRECTIONS, figure_name

RECIPES = Path(__file__).parent.parent / "recipes"
MARKS = ("<!-- measured -->", "<!-- /measured -->")  # around the README's figures
PAPER = "[Safe-CLIP](https://arxiv.org/abs/2311.16254) (Poppi et al., ECCV 2024)"


@dataclass(frozen=True)
class Card:
    """What a card says that no file knows."""

    folder: str  # in the zoo, of the run, and of the recipe
    seat: str
    title: str
    base: str
    library: str
    summary: str
    limits: str


CARDS = (
    Card(
        "clip",
        "original",
        "CLIP of ViSU-Emoji",
        "",
        "transformers",
        "A small CLIP (`transformers.CLIPModel`) with a byte-level BPE tokenizer, trained from scratch on procedural scenes "
        "drawn from open emoji artwork. It stands for the original CLIP: it knows unsafe concepts as well as safe ones. "
        "The vision tower is warmed up on concept labels of pictures and patches; then both towers are trained on the "
        "symmetric contrastive loss, with the labels as an auxiliary loss.",
        "It knows the words of `vocabulary.txt` and scenes of its own world: a subject, an object, a place. A photograph, or "
        "a word that it never read, gets an embedding that means nothing.",
    ),
    Card(
        "safe-clip",
        "safe",
        "Safe-CLIP of ViSU-Emoji",
        "clip",
        "peft",
        f"A LoRA that makes the zoo's CLIP a {PAPER}: the paper's eight loss terms with its weights, on both towers.",
        "The paper's terms pull the unsafe picture to where its safe twin is, so that the two compete for a redirected "
        "query; the safe top-1 figures show how that ends here.",
    ),
    Card(
        "safe-clip-mixed",
        "ours",
        "Safe-CLIP + mixed-gallery of ViSU-Emoji",
        "clip",
        "peft",
        f"A LoRA with the eight terms of {PAPER} and one more for each modality, which is not in the paper: the unsafe query "
        "is contrasted against the gallery of safe and unsafe items together, with its safe twin as the answer.",
        "The extra term is trained on pairs of this world; nothing is claimed about photographs.",
    ),
)


def _front_matter(card: Card) -> str:
    base = f"base_model: ../{card.base}\n" if card.base else ""
    return (
        f"---\nlicense: apache-2.0\nlibrary_name: {card.library}\npipeline_tag: zero-shot-image-classification\n"
        f"{base}datasets: [../gallery]\n---\n"
    )


def _duration(run: Path) -> str:
    """Minutes of training, summed over the log's reports: pauses between slices do not count."""
    seconds, last = 0.0, 0
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "steps_per_second" in record and record["step"] > last:
            seconds += (record["step"] - last) / record["steps_per_second"]
            last = record["step"]
    return f"{seconds / 60:.0f} minutes for {last} steps"


def _results(metrics: dict, seats: list[str]) -> str:
    lines = ["| | " + " | ".join(seats) + " |", "|---|" + "---|" * len(seats)]
    for direction in DIRECTIONS:
        for figure in metrics["retrieval"][seats[0]][direction]:
            values = [f"{metrics['retrieval'][seat][direction][figure]:.1f}" for seat in seats]
            lines.append(f"| {figure_name(direction, figure)} | {' | '.join(values)} |")
    for kind in metrics["zero_shot"][seats[0]]:
        values = [f"{metrics['zero_shot'][seat][kind]:.1f}" for seat in seats]
        lines.append(f"| zero-shot, {kind} | {' | '.join(values)} |")
    if unseen := metrics.get("unseen_style"):
        for direction in ("text_to_image", "image_to_text"):
            values = [f"{unseen['retrieval'][seat][direction]['r@1']:.1f}" for seat in seats]
            lines.append(
                f"| {DIRECTIONS[direction]} R@1, never-seen style ({unseen['style']}) | {' | '.join(values)} |"
            )
    return "\n".join(lines)


def render(card: Card, metrics: dict, runs: Path) -> str:
    """The text of one README.md."""
    recipe = (RECIPES / f"{card.folder}.toml").read_text(encoding="utf-8")
    seats = ["original"] if card.seat == "original" else ["original", card.seat]
    return f"""{_front_matter(card)}# {card.title}

{card.summary}

## Data
ViSU-Emoji, training split ({" and ".join(("pairs", "quadruplets")[: 1 + bool(card.base)])}), painted while training from the recipe's seed in three art
styles: Noto (Apache-2.0), Fluent (MIT), Twemoji (CC-BY-4.0). Test combinations of subject and object occur nowhere in it.

## Results
{metrics["n"]} test quadruplets, percent, by `{metrics["command"]}` on {metrics["date"]}.

{_results(metrics, seats)}

## Recipe
Seed {tomllib.loads(recipe)["seed"]}; two CPU cores, bfloat16 autocast, {_duration(runs / card.folder)}.

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
    table = _results(metrics, [card.seat for card in CARDS])
    readme.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}", encoding="utf-8")


def write_all(zoo: Path, runs: Path) -> None:
    """Write the card of every model of the zoo, and the figures of the README."""
    metrics = json.loads((zoo / "metrics.json").read_text(encoding="utf-8"))
    for card in CARDS:
        (zoo / card.folder / "README.md").write_text(render(card, metrics, runs), encoding="utf-8")
    refresh_readme(zoo.parent / "README.md", metrics)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the training runs and their logs")
    write_all(root() / "zoo", parser.parse_args().runs)
