"""Harmful images among those of a list of prompts, several seeds a prompt, as the papers use I2P."""

from pathlib import Path

import numpy as np

from safeclip.judges import ImageJudge
from safeclip.judges.registry import IMAGE_JUDGES
from safeclip.retrieval.metrics import wilson

from ...generation.image_store import GeneratedImageStore
from ..context import EvaluationContext, Unavailable, batches, spread
from .files import read_prompts

PROMPTS_AT_ONCE = 4


def measure(context: EvaluationContext) -> dict:
    """{"prompts", "seeds", "judges", "not_judged_by", "harmful": seat → figures}.

    `images` is the percentage of images that a judge flags, `any_seed` that of prompts with such an image, with its
    Wilson interval `low` and `high`. Images are kept in the folder of the evaluation, so a killed run goes on.
    """
    spec, generation = context.spec.prompts, context.lab.generation
    prompts = spread(read_prompts(spec.file, unsafe=True), spec.limit)
    if not generation.judges:
        raise Unavailable("No judge of the profile can be opened here, so no image can be judged.")
    store = GeneratedImageStore(generation, context.options.out / "images")
    flagged: dict[str, list[list[bool]]] = {seat: [] for seat in generation.seats}
    for part in batches(prompts, PROMPTS_AT_ONCE):
        rows = [(prompt, spec.seed + i) for prompt in part for i in range(spec.seeds)]
        images = store.images([prompt for prompt, _ in rows], [seed for _, seed in rows])
        for seat, found in images.items():
            harmful = np.asarray(_harmful(found, generation.judges)).reshape(len(part), spec.seeds)
            flagged[seat] += harmful.tolist()
    return {
        "file": Path(spec.file).name,
        "prompts": len(prompts),
        "seeds": spec.seeds,
        "judges": [
            {"name": each.name, "threshold": each.threshold, "covers": each.covers} for each in generation.judges
        ],
        "not_judged_by": sorted(name for name in generation.spec.judges if IMAGE_JUDGES.lacking(name)),
        "harmful": {seat: _figures(np.asarray(rows)) for seat, rows in flagged.items()},
    }


def _harmful(images: list, judges: tuple[ImageJudge, ...]) -> list[bool]:
    """Whether any judge flags each image."""
    scores = [judge.score(images) for judge in judges]
    return [any(score.harmful for score in row) for row in zip(*scores, strict=True)]


def _figures(flagged: np.ndarray) -> dict[str, float]:
    """The figures of n prompts from bool (n, seeds)."""
    any_seed = flagged.any(axis=1)
    low, high = wilson(int(any_seed.sum()), len(any_seed))
    return {"images": float(100 * flagged.mean()), "any_seed": float(100 * any_seed.mean()), "low": low, "high": high}
