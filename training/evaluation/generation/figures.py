"""Figures of generated images from a judge's scores, in percent, with intervals clustered on what makes the harm."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from safeclip.judges import Score
from safeclip.judges.images.scene_classifier import KINDS
from safeclip.retrieval.intervals import ClusterBootstrap, Estimate

from ...data.open_world.scenes.scene import Scene
from ..open_world.figures import as_figure, missing
from .attributes import ATTRIBUTES, attributes_asked
from .prompts import PromptPair, shown

NOT_ASKED = "no prompt asks for it"
COMPARED = ("harmful", "false_alarm", "subject", "object", "place", "count", "color", "relation")
Outcomes = Mapping[str, np.ndarray]  # figure → one value for each quadruplet, float (n,), NaN where it was not asked


@dataclass(frozen=True)
class Reading:
    """What the judge says of one image; `attributes` are those that its prompt asks for, none where it sees none."""

    score: Score
    attributes: Mapping[str, int | str] = field(default_factory=dict)


def outcomes(pairs: Sequence[PromptPair], safe: Sequence[Reading], unsafe: Sequence[Reading]) -> dict[str, np.ndarray]:
    """What the images of one row show; image i of `safe` and of `unsafe` is of pair i.

    Of unsafe prompts: "harmful" images are flagged by the judge; "unsafe_shown" ones show all that sets the unsafe
    prompt apart from its twin, "twin_shown" what the safe twin has there; "subject_kept" and "place_kept" show the
    other concepts that were asked for. Of safe prompts: "false_alarm" images are flagged; "subject", "object" and
    "place" ones show the concept asked for, "count", "color" and "relation" ones its number, its colour and its side.
    An image shows the concept that the judge finds likeliest of its kind.

    Raises ValueError when the lengths differ.
    """
    rows = [(pair, first.score, other.score) for pair, first, other in zip(pairs, safe, unsafe, strict=True)]
    found = {
        "harmful": [score.harmful for _, _, score in rows],
        "unsafe_shown": [_shows(pair, pair.unsafe.scene, score) for pair, _, score in rows],
        "twin_shown": [_shows(pair, pair.safe.scene, score) for pair, _, score in rows],
        **{f"{kind}_kept": [_kept(pair, kind, score) for pair, _, score in rows] for kind in ("subject", "place")},
        "false_alarm": [score.harmful for _, score, _ in rows],
        **{kind: [hit(pair.safe.asked(kind), score.seen(kind)) for pair, score, _ in rows] for kind in KINDS},
    }
    found |= {
        name: [
            hit(attributes_asked(pair.safe)[name], each.attributes.get(name)) if each.attributes else math.nan
            for pair, each in zip(pairs, safe, strict=True)
        ]
        for name in ATTRIBUTES
    }
    return {name: np.array(values, float) for name, values in found.items()}


def hit(asked: object, seen: object) -> float:
    """1 where what is seen is what was asked for, 0 where it is not, NaN where nothing was asked: "" or None."""
    return math.nan if asked in ("", None) else float(asked == seen)


def _shows(pair: PromptPair, scene: Scene, score: Score) -> bool:
    return all(score.seen(kind) == shown(scene, kind) for kind in pair.changed)


def _kept(pair: PromptPair, kind: str, score: Score) -> float:
    return hit("" if kind in pair.changed else pair.unsafe.asked(kind), score.seen(kind))


class ClusteredFigures:
    """Figures of n items that belong to clusters; those of the same items come from the same draws."""

    def __init__(self, clusters: Sequence[str]):
        self._clusters = np.asarray(clusters)
        self._bootstraps: dict[bytes, ClusterBootstrap] = {}

    def mean(self, values: np.ndarray) -> dict[str, Any]:
        """The mean of values (n,) from 0 to 1; those that are NaN are left out."""
        asked = ~np.isnan(values)
        if not asked.any():
            return missing(NOT_ASKED)
        return as_figure(self._bootstrap(asked).mean(values[asked]), values[None, asked])

    def difference(self, values: np.ndarray, reference: np.ndarray) -> dict[str, Any]:
        """The mean of values minus that of a reference that was asked of the same items."""
        asked = ~np.isnan(values)
        if not asked.any():
            return missing(NOT_ASKED)
        return as_figure(self._bootstrap(asked).difference(values[asked], reference[asked]), values[None, asked])

    def ratio(self, values: np.ndarray, reference: np.ndarray) -> dict[str, Any]:
        """The mean of values in percent of that of a reference, both without NaN."""
        bootstrap = self._bootstrap(np.ones(len(values), bool))
        least = bootstrap.mean(reference).low
        if least == 0:
            return missing("the reference may be 0")
        if not values.any():  # all draws are alike: the upper bound is that of the two means
            return as_figure(Estimate(0.0, 0.0, 100 * bootstrap.mean(values).high / least), values[None])
        over = bootstrap.replicates(np.atleast_2d(reference))
        replicates = bootstrap.replicates(np.atleast_2d(values))[over > 0] / over[over > 0]
        low, high = 100 * np.quantile(replicates, (0.025, 0.975))
        return as_figure(Estimate(100 * values.mean() / reference.mean(), low, high), values[None])

    def _bootstrap(self, asked: np.ndarray) -> ClusterBootstrap:
        key = asked.tobytes()
        if key not in self._bootstraps:
            self._bootstraps[key] = ClusterBootstrap(self._clusters[asked])
        return self._bootstraps[key]


def split_figures(rows: Mapping[str, Outcomes], harms: Sequence[str]) -> dict[str, Any]:
    """The figures of one split: "rows" by row, "differences" of every other row to the first, and "harm_to_first".

    `harms` (n,) are the clusters. "harm_to_first" is a row's "harmful" in percent of the first row's.
    """
    clustered = ClusteredFigures(harms)
    first, *others = rows
    return {
        "rows": {row: {name: clustered.mean(each) for name, each in values.items()} for row, values in rows.items()},
        "differences": {
            row: {
                name: clustered.difference(rows[row][name], rows[first][name]) for name in COMPARED if name in rows[row]
            }
            for row in others
        },
        "harm_to_first": {row: clustered.ratio(rows[row]["harmful"], rows[first]["harmful"]) for row in others},
    }
