"""Figures of the metrics file: means with their intervals, or nothing with the reason."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from safeclip.retrieval.intervals import ClusterBootstrap, Estimate
from safeclip.retrieval.metrics import DIRECTIONS

from ...data.open_world.splits import SPLITS
from .held_out import SEEN, HeldOutSets
from .measures import Outcomes
from .rows import ROWS

BY_SPLIT = ("splits", "utility", "safety", "safeground", "refused")  # sections with a split before the row
COMPARED = ("r@1", "safe_top1", "unsafe_share")
FIGURES = ("r@1", "r@5", "r@10", "safe_top1")
NOT_MEASURED = "no checkpoint of this row was given"
ONLY_SAFE = "everything that is searched is safe"
UNBOUNDED = "ambiguity of captions sets no bound here"
NO_FORMULA = "ambiguity is counted for captions; an unsafe picture tells everything but its counterpart"
REQUIRED = (
    *(
        f"splits/{split}/{direction}/{figure}"
        for split in SPLITS
        for direction in DIRECTIONS
        for figure in FIGURES
    ),
    *(f"neutral/{kind}/unsafe_share" for kind in ("text", "image", "identity")),
    *(f"safe_in_mixed/{kind}/safe_top1" for kind in ("text", "image")),
    *(f"{section}/{split}" for section in ("utility", "safety") for split in SPLITS),
)  # fmt: skip
Measured = Mapping[str, Sequence[Outcomes]]  # row → outcomes of each seed


class Summary:
    """Turns outcomes into figures; all figures of one split come from the same draws of the bootstrap."""

    def __init__(self, sets: HeldOutSets):
        self._identities = sets.neutral.identities
        self._clusters = {f"split/{name}": each.clusters for name, each in sets.splits.items()}
        self._clusters |= sets.neutral.clusters
        self._bootstraps: dict[str, ClusterBootstrap] = {}

    def of(self, measured: Measured) -> dict[str, Any]:
        """The sections of the metrics file; figures in percent."""
        result: dict[str, Any] = {}
        for row in ROWS:
            seeds = measured.get(row, ())
            paths = dict.fromkeys((*REQUIRED, *(seeds[0] if seeds else ())))
            for path in paths:
                if seeds and path in seeds[0]:
                    values = np.stack([seed[path] for seed in seeds])
                    figure = as_figure(self._bootstrap(path).mean(values), values)
                else:
                    figure = missing(NOT_MEASURED if not seeds and row != "best_possible" else _reason(path, row))
                _put(result, place_of(path, row), figure)
            if seeds and "neutral/identity/unsafe_share" in seeds[0]:
                result["neutral"][row]["identity"] |= self._groups(seeds)
        result["differences"] = {other: self._differences(measured, other) for other in ("original", "ours")}
        return result

    def _differences(self, measured: Measured, reference: str) -> dict[str, Any]:
        """Every other row minus the reference, paired query by query."""
        result: dict[str, Any] = {}
        for row, seeds in measured.items():
            base = measured.get(reference)
            if row == reference or not base:
                continue
            for path in seeds[0]:
                if path in base[0] and (path.split("/")[-1] in COMPARED or path.split("/")[0] in ("utility", "safety")):
                    values, others = (np.stack([seed[path] for seed in each]) for each in (seeds, base))
                    estimate = self._bootstrap(path).difference(values, others)
                    _put(result, place_of(path, row), as_figure(estimate, values))
        return result

    def _groups(self, seeds: Sequence[Outcomes]) -> dict[str, Any]:
        """Unsafe share by attribute and group, and the largest gap between two groups of one attribute."""
        values = np.stack([seed["neutral/identity/unsafe_share"] for seed in seeds])
        rows: dict[tuple[str, str], list[int]] = {}
        for index, each in enumerate(self._identities):
            rows.setdefault((each.attribute, each.group), []).append(index)
        texts = [each.text for each in self._identities]
        draws = {
            key: ClusterBootstrap([texts[i] for i in chosen], seed=number)
            for number, (key, chosen) in enumerate(rows.items())
        }
        by_group: dict[str, Any] = {}
        for key, chosen in rows.items():
            _put(by_group, key, as_figure(draws[key].mean(values[:, chosen]), values[:, chosen]))
        high, low = _widest({key: by_group[key[0]][key[1]]["mean"] for key in rows})
        gap = by_group[high[0]][high[1]]["mean"] - by_group[low[0]][low[1]]["mean"]
        replicates = draws[high].replicates(values[:, rows[high]]) - draws[low].replicates(values[:, rows[low]])
        bounds = 100 * np.quantile(replicates, (0.025, 0.975))
        largest = as_figure(Estimate(gap, *bounds), values[:, rows[high] + rows[low]])
        return {"by_group": by_group, "largest_gap": largest | {"attribute": high[0], "between": [high[1], low[1]]}}

    def _bootstrap(self, path: str) -> ClusterBootstrap:
        section, kind, *_ = path.split("/")
        name = f"split/{kind}" if section in BY_SPLIT else kind
        if section == "safe_in_mixed":
            name = f"split/{SEEN}"
        elif section == "free_text":
            name = "sentence"
        if name not in self._bootstraps:
            self._bootstraps[name] = ClusterBootstrap(self._clusters[name])
        return self._bootstraps[name]


def as_figure(estimate: Estimate, values: np.ndarray) -> dict[str, Any]:
    """One figure of the file, in percent; `values` are (seeds, n)."""
    bounds = (estimate.mean, estimate.low, estimate.high)
    mean, low, high = (round(float(value), 2) for value in bounds)
    return {"mean": mean, "low": low, "high": high, "n": values.shape[1], "seeds": values.shape[0]}


def missing(reason: str) -> dict[str, Any]:
    """A figure that has no meaning or was not measured."""
    return {"mean": None, "low": None, "high": None, "n": 0, "seeds": 0, "reason": reason}


def place_of(path: str, row: str) -> tuple[str, ...]:
    """Where the figure of a row stands: "splits/seen/…" has the row after its split, others after their section."""
    parts = path.split("/")
    after = 2 if parts[0] in BY_SPLIT else 1
    return (*parts[:after], row, *parts[after:])


def _reason(path: str, row: str) -> str:
    if path.startswith("splits/") and path.endswith("safe_top1") and "_all_" not in path:
        return ONLY_SAFE
    if row == "best_possible" and "unsafe_image_to_all_texts" in path and "r@" in path:
        return NO_FORMULA
    return UNBOUNDED if row == "best_possible" else "this row has no such figure"


def _widest(means: Mapping[tuple[str, str], float]) -> tuple[tuple[str, str], tuple[str, str]]:
    """The two groups of one attribute that lie farthest apart, the higher first."""
    by_attribute: dict[str, list[tuple[str, str]]] = {}
    for key in means:
        by_attribute.setdefault(key[0], []).append(key)
    ends = [(max(keys, key=means.__getitem__), min(keys, key=means.__getitem__)) for keys in by_attribute.values()]
    return max(ends, key=lambda pair: means[pair[0]] - means[pair[1]])


def _put(tree: dict[str, Any], place: Sequence[str], value: Any) -> None:
    for part in place[:-1]:
        tree = tree.setdefault(part, {})
    tree[place[-1]] = value
