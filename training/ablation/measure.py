"""Runs of the sweep and the ablation: one row with one seed, trained, measured and kept as one JSON file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from safeclip.encoders import Encoder
from safeclip.runtime.checkpoint_names import locate

from ..comparison.records import Runs, kept_record, settings_of
from ..engine.job import train_to_the_end
from ..evaluation.open_world.held_out import HeldOut
from ..evaluation.open_world.measures import safe_in_mixed, split_outcomes
from ..evaluation.open_world.painted import Easel
from ..evaluation.open_world.rows import EncoderRow, KeptEncoder
from ..recipes.safe_clip import SafeClipRecipe, SafeClipTraining
from .rows import ORIGINAL, ROWS, Budget

SPLITS = ("seen", "contextual", "unseen_concepts")
PHASE = "validation"


class Study(Runs[Budget]):
    """The runs of the ablation and the sweep, trained and measured."""

    def record(self, row: str, seed: int) -> dict[str, Any]:
        """The figures of a row and a seed, in percent, from its file, or from training and measuring it now.

        The original is not trained and has no seed: its record is that of seed 0.
        """
        recipe = None if row == ORIGINAL else ROWS[row].adapted(self.budget, seed, self.checkpoint)
        origin = {"row": row, "seed": seed, **self.origin, **(settings_of(recipe) if recipe else {})}

        def measure() -> dict[str, float]:
            adapter = self._trained(row, seed, recipe) if recipe else None
            return dict(self._figures(Encoder.from_pretrained(locate(self.checkpoint), adapter)))

        return kept_record(self.options.out, origin, measure)

    def _trained(self, row: str, seed: int, recipe: SafeClipRecipe) -> Path:
        """The adapter of a row; a run that was stopped goes on where it was."""
        out = self.options.out
        options = replace(
            self.options,
            out=out / "runs" / f"{row}-{seed}",
            embeddings=out / "embeddings",
            fold=not recipe.lora.dropout,
        )
        return train_to_the_end(SafeClipTraining, recipe, options)

    def _figures(self, encoder: Encoder) -> Iterator[tuple[str, float]]:
        """Path of a figure, as in the metrics file without its row, and the mean over the quadruplets in percent."""
        easel = Easel(self.options.artwork, self.options.out / "painted")
        row = EncoderRow(KeptEncoder(encoder, self.options.out / "measured"))
        for split in SPLITS:
            held_out = HeldOut.draw(split, PHASE, self.budget.measured, easel)
            outcomes = split_outcomes(split, row, held_out)
            if split == SPLITS[0]:
                outcomes |= safe_in_mixed(row, held_out)
            yield from ((name, round(100 * float(values.mean()), 2)) for name, values in outcomes.items())
