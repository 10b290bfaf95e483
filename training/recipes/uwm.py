"""Makes a CLIP safer without training: UWM negates the weights that unsafe inputs use most.

    safeclip-train uwm.toml --out runs/uwm

`training.models.weight_negation` has the method. The calibration pairs are the first quadruplets of the training split,
passed through the towers item by item, so that no text is padded.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import nn

from safeclip.errors import ProfileError
from safeclip.paths import resolve

from ..data.quadruplets import QuadrupletItem
from ..data.sources import DataSpec, open_source
from ..engine.job import Job
from ..engine.options import RunOptions
from ..engine.recipe import BaseRecipe
from ..models.encoder_kind import tunable_encoder
from ..models.weight_negation import FRACTION, linear_layers, negate_unsafe_weights

VOCABULARY = "vocabulary.txt"


@dataclass(frozen=True, kw_only=True)
class UwmRecipe(BaseRecipe):
    """Every option of UWM. The defaults are the paper's. Raises ProfileError for a fraction that is no share."""

    paths: ClassVar[tuple[str, ...]] = ("checkpoint",)
    counts: ClassVar[tuple[str, ...]] = ("pairs",)

    checkpoint: str  # the CLIP to change: a path from the repository's root
    data: DataSpec
    pairs: int  # quadruplets of the calibration
    fraction: float = FRACTION  # of the scores' sum, whose weights are negated
    text_layers: tuple[str, ...] = ("out_proj",)  # the last part of a linear layer's name
    image_layers: tuple[str, ...] = ("fc2",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.fraction <= 1:
            raise ProfileError(f"the key “fraction” is {self.fraction}; it is a share above 0, and 1 at most.")


class WeightNegation(Job[UwmRecipe]):
    """Negates weights of both towers of a CLIP. Raises ProfileError when a tower has no layer of the given names."""

    recipe_type = UwmRecipe

    def __init__(self, recipe: UwmRecipe, options: RunOptions):
        super().__init__(recipe, options)
        self.encoder = tunable_encoder(recipe.checkpoint, device=self.placement.device)
        self.negated: dict[str, int] = {}  # layer → number of weights

    def run(self) -> bool:
        source = open_source(self.recipe.data, "train", self.options)
        items = [source.item(index) for index in range(min(self.recipe.pairs, len(source)))]
        model, recipe = self.encoder.model, self.recipe
        self._negate("text_model", model.text_model, recipe.text_layers, items, self._run_texts)
        self._negate("vision_model", model.vision_model, recipe.image_layers, items, self._run_images)
        return True

    def _negate(
        self,
        tower: str,
        module: nn.Module,
        endings: tuple[str, ...],
        items: list[QuadrupletItem],
        run: Callable[[list[QuadrupletItem], bool], None],
    ) -> None:
        layers = {f"{tower}.{name}": layer for name, layer in linear_layers(module, endings).items()}
        if not layers:
            raise ProfileError(f"{self.recipe.checkpoint}: the {tower} has no linear layer named {', '.join(endings)}.")
        self.negated |= negate_unsafe_weights(
            layers, lambda: run(items, False), lambda: run(items, True), self.recipe.fraction
        )

    def _run_texts(self, items: list[QuadrupletItem], unsafe: bool) -> None:
        for item in items:
            self.encoder.encode_texts([item.unsafe_text if unsafe else item.text])

    def _run_images(self, items: list[QuadrupletItem], unsafe: bool) -> None:
        for item in items:
            self.encoder.encode_images([item.unsafe_image if unsafe else item.image])

    def save(self, folder: Path) -> None:
        """Writes the changed CLIP in half precision with its tokenizer and image processor."""
        self.encoder.model.half().save_pretrained(folder)
        self.encoder.tokenizer.save_pretrained(folder)
        self.encoder.image_processor.save_pretrained(folder)
        vocabulary = resolve(self.recipe.checkpoint) / VOCABULARY
        if vocabulary.is_file():
            shutil.copyfile(vocabulary, folder / VOCABULARY)
