"""Reads what the zoo's model cards say beside recipes, records and figures: `card_texts` holds a TOML file a model."""

from dataclasses import dataclass, replace
from pathlib import Path

from safeclip.schema import parse, read_table

from ..data.language.packages import PACKAGES

TEXTS = Path(__file__).parent / "card_texts"
PAPER = "[Safe-CLIP](https://arxiv.org/abs/2311.16254) (Poppi et al., ECCV 2024)"
THREE_STYLES = "three art styles: Noto (Apache-2.0),\nFluent (MIT), Twemoji (CC-BY-4.0)"


@dataclass(frozen=True)
class Recipe:
    """A recipe that made the model, or a part of it.

    `name` is that of a file of training/recipes, `weights` the subfolder of the model with the record of its training.
    """

    name: str
    weights: str = ""


@dataclass(frozen=True)
class Card:
    """A model of the zoo, known by its `folder` there.

    It learns from `scenes` of ViSU-Emoji's training split drawn in `styles`, or from what `data` says. `results` names
    an entry of `tables.RESULTS`, which turns the figures of the zoo into a section; that of an adapter shows `seats`.
    """

    folder: str
    title: str
    library: str
    task: str  # the hub's name of it
    recipes: tuple[Recipe, ...]
    results: str
    summary: str
    limits: str
    data: str = ""
    scenes: str = ""
    styles: str = THREE_STYLES
    seats: tuple[str, ...] = ()
    base: str = ""  # the folder of the model that it is made from
    datasets: str = "../open-gallery"  # "" for none


def read_card(path: Path) -> Card:
    """Reads one file of `card_texts`, whose texts may name {paper} and fields of the pinned packages.

    Raises ProfileError for an unknown or missing key.
    """
    card = parse(Card, {"folder": path.stem, **read_table(path, "text of a model card")}, file=path)
    if card.scenes:
        data = (
            f"ViSU-Emoji, training split: {card.scenes}, painted from the recipe's seed in {card.styles}. Test "
            "combinations of subject and object occur nowhere in it."
        )
        card = replace(card, data=data)
    texts = {name: getattr(card, name).format(paper=PAPER, **PACKAGES) for name in ("data", "summary", "limits")}
    return replace(card, **texts)


CARDS = tuple(read_card(path) for path in sorted(TEXTS.glob("*.toml")))
