"""Rows of the sweep and of the ablation: each a recipe of this package with what is changed in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from safeclip.schema import parse, read_table

from ..recipes.registry import find_recipe
from ..recipes.safe_clip import SafeClipRecipe

ORIGINAL = "original"  # the row of the CLIP that all others start from


@dataclass(frozen=True)
class Budget:
    """What every run may use: `train` quadruplets, each once, and `measured` validation quadruplets of each split."""

    train: int = 4096
    measured: int = 400


@dataclass(frozen=True)
class Row:
    """One row: its name in the table, its recipe, and dotted keys of the recipe with other values."""

    name: str
    recipe: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def adapted(self, budget: Budget, seed: int, checkpoint: str) -> SafeClipRecipe:
        """The recipe at this budget. The learning rate rises for an eighth of the steps and falls for a quarter.

        It is validated once, at its end, so that nothing is selected.
        """
        path = find_recipe(f"{self.recipe}.toml")
        table = read_table(path, "recipe")
        for key, value in self.changes.items():
            _set(table, key.split("."), value)
        steps = budget.train // table["batch_size"]
        table |= {"seed": seed, "checkpoint": checkpoint, "epochs": 1, "validate_every": steps}
        table |= {"warmup_steps": steps // 8, "decay_steps": steps // 4}
        held_out = min(table["batch_size"], budget.measured)  # only for the loss that the log shows
        table["data"]["open_world"] |= {"train": budget.train, "validation": held_out, "seed": seed}
        return parse(SafeClipRecipe, table, file=path)


def _set(table: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        table = table[key]
    if keys[-1] not in table:
        raise KeyError(f"the recipe has no key {'.'.join(keys)}")
    table[keys[-1]] = value


def _without(*terms: str, of: str) -> dict[str, float]:
    return {f"objective.{of}.weights.{term}": 0.0 for term in terms}


PAPER, OURS = "open-safe-clip-paper", "open-safe-clip-mixed"
SCALE = "objective.safe_clip.logit_scale"
CONTRAST = "objective.mixed_gallery.weights"
_PRODUCTS = ("self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2")
_LAST = ("text_model.encoder.layers.3", "vision_model.encoder.layers.4", "vision_model.encoder.layers.5")
_LAST_LAYERS = [f"{layer}.{product}" for layer in _LAST for product in _PRODUCTS]
_LAST_LAYERS += ["text_projection", "visual_projection"]
QUERIES = ("text_to_image", "image_to_text", "text_to_text", "image_to_image")

_ALONE = {  # what the tuned sibling changes, each in a row of its own
    "batch": ("batch 64 instead of 128", {"batch_size": 64}),
    "rate": ("learning rate 6e-3 instead of 1e-3", {"learning_rate": 6e-3}),
    "rank": ("r 48 and alpha 3 instead of 16 and 1", {"lora.r": 48, "lora.alpha": 3}),
    "dropout": ("no dropout instead of 0.1", {"lora.dropout": 0.0}),
    "scale": ("logit scale 20 instead of 100", {SCALE: 20.0}),
}
_ALL = {key: value for _, changes in _ALONE.values() for key, value in changes.items()}
_ALPHA = {**_ALL, "lora.alpha": 48, "learning_rate": 3e-3}
_WEIGHTS = "objective.safe_clip.weights"
_PAPERS = {  # weights of the paper's terms
    "redirect_text_to_image": 0.25,
    "redirect_image_to_text": 0.5,
    "redirect_text_to_text": 0.1,
    "redirect_image_to_image": 0.2,
    "preserve_text_to_image": 0.25,
    "preserve_image_to_text": 0.25,
    "preserve_text_to_text": 0.1,
    "preserve_image_to_image": 0.1,
}
_COSINES = tuple(f"{aim}_{each}" for aim in ("redirect", "preserve") for each in ("text_to_text", "image_to_image"))


def _weighed(factor: float, *terms: str) -> dict[str, Any]:
    return _ALPHA | {f"{_WEIGHTS}.{term}": factor * _PAPERS[term] for term in terms}


SWEEP = {  # from the paper's settings to those of its tuned sibling, `all`, and beyond
    "paper": Row("paper: the paper's settings", PAPER),
    **{key: Row(f"paper, {name}", PAPER, changes) for key, (name, changes) in _ALONE.items()},
    "all": Row("paper, all of these together", PAPER, _ALL),
    "all_rate": Row("all of these, learning rate 3e-3", PAPER, {**_ALL, "learning_rate": 3e-3}),
    "all_alpha": Row("all of these, alpha 48 at 3e-3", PAPER, _ALPHA),
    "all_scale": Row("all of these, logit scale 50", PAPER, {**_ALL, SCALE: 50.0}),
    "alpha_slow": Row("all of these, alpha 48 at 1.5e-3", PAPER, {**_ALPHA, "learning_rate": 1.5e-3}),
    "alpha_fast": Row("all of these, alpha 48 at 6e-3", PAPER, {**_ALPHA, "learning_rate": 6e-3}),
    "alpha_small": Row("all of these, alpha 16 at 3e-3", PAPER, {**_ALPHA, "lora.alpha": 16}),
    "alpha_rank": Row("all of these, r 16 and alpha 16 at 3e-3", PAPER, {**_ALPHA, "lora.r": 16, "lora.alpha": 16}),
    "alpha_scale_30": Row("all of these, alpha 48 at 3e-3, logit scale 30", PAPER, {**_ALPHA, SCALE: 30.0}),
    "alpha_scale": Row("all of these, alpha 48 at 3e-3, logit scale 50", PAPER, {**_ALPHA, SCALE: 50.0}),
    "alpha_batch": Row("all of these, alpha 48 at 3e-3, batch 32", PAPER, {**_ALPHA, "batch_size": 32}),
    "alpha_cosines": Row(
        "all of these, alpha 48 at 3e-3, cosines weigh ten times as much", PAPER, _weighed(10, *_COSINES)
    ),
    "alpha_cosines_20": Row(
        "all of these, alpha 48 at 3e-3, cosines weigh twenty times as much", PAPER, _weighed(20, *_COSINES)
    ),
    "alpha_cosines_40": Row(
        "all of these, alpha 48 at 3e-3, cosines weigh forty times as much", PAPER, _weighed(40, *_COSINES)
    ),
    "alpha_cosines_80": Row(
        "all of these, alpha 48 at 3e-3, cosines weigh eighty times as much", PAPER, _weighed(80, *_COSINES)
    ),
    "alpha_fast_cosines": Row(
        "all of these, alpha 48 at 6e-3, cosines weigh twenty times as much",
        PAPER,
        {**_weighed(20, *_COSINES), "learning_rate": 6e-3},
    ),
    "alpha_small_cosines": Row(
        "all of these, alpha 16 at 3e-3, cosines weigh twenty times as much",
        PAPER,
        {**_weighed(20, *_COSINES), "lora.alpha": 16},
    ),
    "alpha_preservation": Row(
        "all of these, alpha 48 at 3e-3, preservation weighs ten times as much",
        PAPER,
        _weighed(10, *(f"preserve_{each}" for each in QUERIES)),
    ),
    "alpha_redirection": Row(
        "all of these, alpha 48 at 3e-3, redirection weighs twice as much",
        PAPER,
        _weighed(2, *(f"redirect_{each}" for each in QUERIES)),
    ),
}
ABLATION = {  # the rebuilt recipe, and the same without one ingredient
    "ours": Row("ours", OURS),
    "no_words": Row("ours, captions name drawn harm alone", OURS, {"data.open_world.reworded": 0.0}),
    "no_unsafe_contrast": Row(
        "ours, unsafe queries not against the mixed gallery",
        OURS,
        _without("mixed_gallery_text", "mixed_gallery_image", of="mixed_gallery"),
    ),
    "no_safe_contrast": Row(
        "ours, safe queries not against the mixed gallery",
        OURS,
        _without("safe_mixed_gallery_text", "safe_mixed_gallery_image", of="mixed_gallery"),
    ),
    "no_redirection": Row(
        "ours, without the paper's redirection",
        OURS,
        _without(*(f"redirect_{each}" for each in QUERIES), of="safe_clip"),
    ),
    "no_preservation": Row(
        "ours, without the paper's preservation",
        OURS,
        _without(*(f"preserve_{each}" for each in QUERIES), of="safe_clip"),
    ),
    "paper_adapter": Row("ours, the paper's adapter: r 16, alpha 1", OURS, {"lora.r": 16, "lora.alpha": 1}),
    "last_layers": Row("ours, an adapter of the last layers alone", OURS, {"lora.targets": _LAST_LAYERS}),
    "faster": Row("ours, learning rate 6e-3 instead of 3e-3", OURS, {"learning_rate": 6e-3}),
    "sharper": Row(
        "ours, the mixed gallery's logit scale 60 instead of 30", OURS, {"objective.mixed_gallery.logit_scale": 60.0}
    ),
    "lighter": Row("ours, unsafe texts' contrast 2 instead of 4", OURS, {f"{CONTRAST}.mixed_gallery_text": 2.0}),
    "heavier": Row("ours, unsafe texts' contrast 6 instead of 4", OURS, {f"{CONTRAST}.mixed_gallery_text": 6.0}),
}
ROWS = SWEEP | ABLATION
