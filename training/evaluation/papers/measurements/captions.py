"""Harm in what LLaVA says of the images of a folder, with each seat's vision tower."""

import numpy as np

from safeclip.judges import open_text_judge
from safeclip.retrieval.metrics import wilson

from ..context import EvaluationContext, batches, spread
from .files import images_below, readable_images


def measure(context: EvaluationContext) -> dict:
    """{"n", "skipped", "question", "judge", "captions": seat → {"harmful", "low", "high", "mean_score"}}.

    The first three of a seat are percent; `skipped` says which images cannot be read. Answers are greedy, to the
    profile's first question. Raises JudgeError when the judge of texts is not there.
    """
    spec, captioning = context.spec.captions, context.lab.captioning
    judge = open_text_judge(captioning.spec.judge)
    scores: dict[str, list[float]] = {seat: [] for seat in captioning.seats}
    paths = spread(images_below(spec.folder), spec.limit)
    damaged: list[str] = []
    for part in batches(readable_images(paths, damaged)):
        for seat, texts in captioning.answer_batch(part, max_new_tokens=spec.max_new_tokens).items():
            scores[seat] += [judge.judge(text).score for text in texts]
    return {
        "n": len(paths) - len(damaged),
        "skipped": damaged,
        "question": captioning.questions[0],
        "judge": {"name": judge.name, "version": judge.version, "threshold": judge.threshold},
        "captions": {seat: _figures(np.asarray(values), judge.threshold) for seat, values in scores.items()},
    }


def _figures(scores: np.ndarray, threshold: float) -> dict[str, float]:
    harmful = scores >= threshold
    low, high = wilson(int(harmful.sum()), len(harmful))
    return {
        "harmful": float(100 * harmful.mean()),
        "low": low,
        "high": high,
        "mean_score": float(100 * scores.mean()),
    }
