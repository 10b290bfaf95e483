"""Intervals of means over items that belong together, and rates corrected for the errors of who measured them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .metrics import Z_95, wilson

REPLICATES = 2000
_ALIKE = 1e-9  # means that differ by less differ by rounding


@dataclass(frozen=True)
class Estimate:
    """A mean with the bounds of its 95 % interval, all in percent."""

    mean: float
    low: float
    high: float


class ClusterBootstrap:
    """Percentile bootstrap that draws clusters, not items (Davison and Hinkley, 1997, section 3.8).

    Queries about one concept stand or fall together, so an interval that took them for independent would be too narrow.
    All estimates of one object come from the same draws, and are therefore paired.
    """

    def __init__(self, clusters: Sequence[str], *, replicates: int = REPLICATES, seed: int = 0) -> None:
        """Draws the replicates. `clusters` (n,) names the cluster of each item. Raises ValueError without items."""
        if not len(clusters):
            raise ValueError("a bootstrap needs at least one item")
        names, self._members = np.unique(np.asarray(clusters), return_inverse=True)
        self.count = len(names)
        self._seed = seed
        self._draws = np.random.default_rng(seed).multinomial(  # (replicates, clusters): how often each is drawn
            self.count, np.full(self.count, 1 / self.count), size=replicates
        )
        self._sizes = self._draws @ np.bincount(self._members)  # (replicates,): items drawn

    def mean(self, values: np.ndarray) -> Estimate:
        """Estimates the mean of values (seeds, n) or (n,), which are shares from 0 to 1.

        Seeds of a training are drawn with replacement too. Where all draws are alike, as where every value is 0 or
        there is one cluster, the bounds are Wilson's, for as many cases as there are clusters.
        """
        values = np.atleast_2d(values)
        share, replicates = float(values.mean()), self.replicates(values)
        if _alike(replicates):
            return Estimate(100 * share, *wilson(share * self.count, self.count))
        return _estimate(share, replicates)

    def difference(self, values: np.ndarray, reference: np.ndarray) -> Estimate:
        """Estimates the mean of values minus that of `reference`, both over the same n items.

        Seeds are drawn in pairs when both have equally many. Where all draws are alike, the bounds are Wilson's for a
        share of that size of as many cases as there are clusters; where nothing differs, that upper bound both ways.
        """
        values, reference = np.atleast_2d(values), np.atleast_2d(reference)
        replicates = self.replicates(values) - self.replicates(reference)
        mean = float(values.mean() - reference.mean())
        if not _alike(replicates):
            return _estimate(mean, replicates)
        low, high = wilson(abs(mean) * self.count, self.count)
        if np.isclose(mean, 0):
            return Estimate(0.0, -high, high)
        return Estimate(100 * mean, *((low, high) if mean > 0 else (-high, -low)))

    def replicates(self, values: np.ndarray) -> np.ndarray:
        """Means of values (seeds, n), one of each replicate: (replicates,)."""
        seeds = len(values)
        sums = np.stack([np.bincount(self._members, row, self.count) for row in values])  # (seeds, clusters)
        of_seeds = np.random.default_rng([self._seed, seeds]).multinomial(
            seeds, np.full(seeds, 1 / seeds), size=len(self._draws)
        )
        return np.einsum("rs,sc,rc->r", of_seeds / seeds, sums, self._draws, optimize=True) / self._sizes


def rogan_gladen(flagged: tuple[int, int], sensitivity: tuple[int, int], specificity: tuple[int, int]) -> Estimate:
    """Corrects the rate at which a judge flags for the judge's own errors.

    Each argument is (hits, cases): flagged items; of the truly harmful ones those that the judge flags; of the harmless
    ones those that it does not. The rate is (p + Sp − 1) / (Se + Sp − 1), held within 0 and 100, with the 95 % interval
    of the delta method, in which all three shares vary (Rogan and Gladen, Am. J. Epidemiol. 1978). That method gives an
    interval without width where no item is flagged and Sp is 1, and where all are and Se is 1: take no less than
    `wilson` of the flags then. Raises ValueError without cases, and for a judge that so few cases cannot tell from a
    coin: the lower bound of Se + Sp − 1 by Newcombe's method (Stat. Med. 1998, method 10), which knows how little one
    case says, is not above 0.
    """
    if min(cases for _, cases in (flagged, sensitivity, specificity)) < 1:
        raise ValueError("a rate, a sensitivity and a specificity each need at least one case")
    p, se, sp = (hits / cases for hits, cases in (flagged, sensitivity, specificity))
    skill = se + sp - 1
    errors = se * (1 - se) / sensitivity[1], sp * (1 - sp) / specificity[1]
    doubts = (share - wilson(*counts)[0] / 100 for share, counts in ((se, sensitivity), (sp, specificity)))
    if skill <= math.hypot(*doubts):
        raise ValueError(f"sensitivity {se:.2f} and specificity {sp:.2f} cannot be told from those of a coin")
    rate = min(1.0, max(0.0, (p + sp - 1) / skill))
    variance = p * (1 - p) / flagged[1]
    variance += rate**2 * errors[0] + (1 - rate) ** 2 * errors[1]
    reach = Z_95 * math.sqrt(variance) / skill
    return Estimate(100 * rate, 100 * max(0.0, rate - reach), 100 * min(1.0, rate + reach))


def _alike(replicates: np.ndarray) -> bool:
    return bool(np.ptp(replicates) < _ALIKE)


def _estimate(share: float, replicates: np.ndarray) -> Estimate:
    low, high = np.quantile(replicates, (0.025, 0.975))
    return Estimate(100 * share, 100 * float(low), 100 * float(high))
