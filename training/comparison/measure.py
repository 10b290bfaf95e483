"""Runs of the comparison: one row with one seed, trained, measured and kept as one JSON file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from safeclip.encoders import Encoder
from safeclip.runtime.checkpoint_names import locate

from ..data.quadruplets import QuadrupletSource
from ..data.quadruplets.repeats import distinct_rows
from ..data.sources import open_source
from ..engine.device import Placement
from ..engine.job import train_to_the_end
from ..engine.options import RunOptions
from ..engine.progress import METRICS
from ..engine.recipe import BaseRecipe
from ..engine.validation import recalls
from ..json_lines import read_lines
from ..losses.embeddings import Embeddings
from ..models.encoder_kind import check_made
from .records import Runs, kept_record, settings_of
from .rows import ROWS, Budget

ORIGINAL = "original"  # the row of the model that all others start from
PREFIX = "validation_"
FIGURES = (
    "text_to_image",
    "image_to_text",
    "text_safe",
    "unsafe_text",
    "unsafe_text_safe",
    "unsafe_image",
    "unsafe_image_safe",
)


class Comparison(Runs[Budget]):
    """The runs of the comparison, trained and measured."""

    def record(self, row: str, seed: int) -> dict[str, Any]:
        """The figures of a row and a seed, from its file, or from training and measuring it now."""
        origin = {"row": row, "seed": seed, **self.origin}
        if row != ORIGINAL:
            origin |= settings_of(ROWS[row].job(self.budget, seed, self.checkpoint)[1])
        return kept_record(self.options.out, origin, lambda: self._figures(row, seed))

    def _figures(self, row: str, seed: int) -> dict[str, float]:
        options = replace(
            self.options,
            out=self.options.out / "runs" / f"{row}-{seed}",
            embeddings=self.options.out / "embeddings",
        )
        measured = self._original(seed, options) if row == ORIGINAL else self._trained(row, seed, options)
        return {name: measured[name] for name in FIGURES}

    def _original(self, seed: int, options: RunOptions) -> dict[str, float]:
        check_made(self.checkpoint)
        recipe = ROWS["uwm"].job(self.budget, seed, self.checkpoint)[1]
        return measure(locate(self.checkpoint), recipe, options)

    def _trained(self, row: str, seed: int, options: RunOptions) -> dict[str, float]:
        job_type, recipe = ROWS[row].job(self.budget, seed, self.checkpoint)
        result = train_to_the_end(job_type, recipe, options)
        log = options.out / METRICS
        if not log.is_file():  # nothing was trained: the result is a whole model
            return measure(result, recipe, options)
        last = [line for line in read_lines(log) if PREFIX + FIGURES[0] in line][-1]
        return {name: last[PREFIX + name] for name in FIGURES}


def measure(checkpoint: str | Path, recipe: BaseRecipe, options: RunOptions) -> dict[str, float]:
    """The validation figures of a checkpoint, in the recipe's precision, on the recipe's held-out quadruplets."""
    placement = Placement.of(options.device, recipe.precision)
    encoder = Encoder.from_pretrained(checkpoint, device=placement.device)
    source = open_source(recipe.data, "validation", options)
    with placement.autocast():
        embeddings = embed(encoder, source)
    return recalls([(embeddings, embeddings)], distinct_rows(source))


def embed(encoder: Encoder, source: QuadrupletSource) -> Embeddings:
    """An encoder's embeddings of all quadruplets of a source."""
    items = [source.item(index) for index in range(len(source))]
    texts = ([item.text for item in items], [item.unsafe_text for item in items])
    images = ([item.image for item in items], [item.unsafe_image for item in items])
    encoded = [*map(encoder.encode_texts, texts), *map(encoder.encode_images, images)]
    return Embeddings(*(torch.from_numpy(each) for each in encoded))
