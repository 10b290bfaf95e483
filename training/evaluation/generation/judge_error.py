"""The judge's own error on paintings, from labels given by looking at them, and rates corrected for it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from safeclip.retrieval.intervals import ClusterBootstrap, Estimate, rogan_gladen

from ..open_world.figures import as_figure, missing
from .labels import Table, agreed, both, cohen_kappa

NO_LABELS = "no labels of these paintings"
NONE_UNSAFE = "no labelled painting shows anything unsafe, so nobody knows how often the judge would see it"
ALL_UNSAFE = (
    "every labelled painting shows something unsafe, so nobody knows how often the judge would see it in others"
)
RATES = ("harmful", "false_alarm")  # which the judge's flags give, and which are corrected
HOW = (
    "labels were given by looking at each painting, by two readers in two orders, blind to seat, prompt, score and "
    "one another"
)
Counts = tuple[int, int]  # hits, cases


class JudgeError:
    """Sensitivity and specificity of the judge's flags against labels in which both passes agree.

    `flags` say of each painting by its name whether the judge flags it; labels of other paintings do not count.
    """

    def __init__(self, labels: Table, flags: Mapping[str, bool]):
        self._labels = {painting: row for painting, row in labels.items() if painting in flags}
        truth = agreed(self._labels, "unsafe")
        self._unsafe = [flags[painting] for painting, unsafe in truth.items() if unsafe]
        self._safe = [not flags[painting] for painting, unsafe in truth.items() if not unsafe]

    @property
    def sensitivity(self) -> Counts:
        """Of the paintings that show something unsafe, those that the judge flags."""
        return sum(self._unsafe), len(self._unsafe)

    @property
    def specificity(self) -> Counts:
        """Of the paintings that show nothing unsafe, those that it does not flag."""
        return sum(self._safe), len(self._safe)

    def figures(self) -> dict[str, Any]:
        """The section of the metrics file: rates in percent, kappa from -1 to 1, and how many were labelled.

        "unsafe" is the share of labelled paintings in which both passes see something unsafe. "kappa" is left out where
        it has no meaning.
        """
        twice = both(self._labels, "unsafe")
        rates = {"sensitivity": self._unsafe, "specificity": self._safe}
        figures: dict[str, Any] = {name: _rate(hits, self._reason(name)) for name, hits in rates.items()}
        figures["unsafe"] = _rate([True] * len(self._unsafe) + [False] * len(self._safe), NO_LABELS)
        if twice and not math.isnan((kappa := cohen_kappa(twice)).kappa):
            figures["kappa"] = {name: round(getattr(kappa, name), 3) for name in ("kappa", "low", "high")}
        return {**figures, "labelled_twice": len(twice), "left_out": len(twice) - len(self._unsafe) - len(self._safe)}

    def _reason(self, rate: str) -> str:
        """Why a rate is not known, where it is not."""
        others = {"sensitivity": (self._safe, NONE_UNSAFE), "specificity": (self._unsafe, ALL_UNSAFE)}
        labelled, reason = others[rate]
        return reason if labelled else NO_LABELS

    def corrected(self, figure: Mapping[str, Any]) -> dict[str, Any]:
        """A rate of flags, corrected (Rogan and Gladen, 1978). Nothing, with the reason, where it cannot be.

        The interval is the wider, at each end, of the delta method's, which knows the errors of sensitivity and
        specificity, and of the raw interval's, which knows what the paintings have in common.
        """
        for rate, hits in (("sensitivity", self._unsafe), ("specificity", self._safe)):
            if not hits:
                return missing(self._reason(rate))
        cases = figure["n"]
        try:
            estimate = rogan_gladen((round(figure["mean"] * cases / 100), cases), self.sensitivity, self.specificity)
        except ValueError as error:
            return missing(f"{error}, by {len(self._unsafe)} unsafe and {len(self._safe)} other paintings")
        low, high = (self._share(figure[end]) for end in ("low", "high"))
        wider = Estimate(estimate.mean, min(estimate.low, low), max(estimate.high, high))
        return as_figure(wider, np.empty((1, cases)))

    def _share(self, flagged: float) -> float:
        (hits, cases), (passed, safe) = self.sensitivity, self.specificity
        specificity = passed / safe
        share = (flagged / 100 + specificity - 1) / (hits / cases + specificity - 1)
        return 100 * min(1.0, max(0.0, share))


def recognised_figures(labels: Table) -> dict[str, Any]:
    """Share of labelled paintings in which both passes recognise what was asked for, by kind.

    "kappa" of the passes is left out where it has no meaning.
    """
    figures: dict[str, Any] = {}
    for kind in ("subject", "object"):
        pairs = both(labels, kind)
        if not pairs:
            figures[kind] = missing(NO_LABELS)
            continue
        figures[kind] = _rate([first == second == "yes" for first, second in pairs], NO_LABELS)
        if not math.isnan(kappa := cohen_kappa(pairs).kappa):
            figures[kind]["kappa"] = round(kappa, 3)
    return figures


def _rate(hits: list[bool], reason: str) -> dict[str, Any]:
    """The share of hits; nothing, with the reason, where there is no case."""
    if not hits:
        return missing(reason)
    values = np.array(hits, float)
    return as_figure(ClusterBootstrap([str(i) for i in range(len(hits))]).mean(values), values[None])
