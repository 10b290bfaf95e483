"""Scores an encoder on free sentences: how often a caption that is relevant is among the first few found."""

import numpy as np


def found_among_first(sentences: np.ndarray, captions: np.ndarray, relevant: np.ndarray, k: int = 5) -> float:
    """Percent of the sentences with a relevant caption among the k of highest cosine.

    sentences float (n, d), captions float (m, d), both L2-normalised; relevant bool (n, m).
    """
    scores = sentences @ captions.T  # (n, m)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return 100 * float(np.take_along_axis(relevant, first, axis=1).any(axis=1).mean())
