"""Plot of safety against utility: one point a seat, with 95 % intervals."""

from pathlib import Path

from safeclip.retrieval.metrics import wilson

UNSAFE = ("unsafe_text_to_all_images", "unsafe_image_to_all_texts")
SAFE = ("text_to_image", "image_to_text")


def draw(quadruplets: dict, path: Path) -> None:
    """Draws the figures of the quadruplets as an SVG file.

    Safety is the mean safe top-1 of the two unsafe directions, utility the mean R@1 of T→V and V→T; the intervals are
    Wilson's for that many queries of one direction.
    """
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "safeclip"  # the same figures give the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 4), layout="constrained")
    for seat, directions in quadruplets["retrieval"].items():
        safety = sum(directions[name]["safe_top1"] for name in UNSAFE) / 2
        utility = sum(directions[name]["r@1"] for name in SAFE) / 2
        n = quadruplets["n"]
        errors = [_reach(utility, n), _reach(safety, n)]
        axes.errorbar(utility, safety, xerr=errors[0], yerr=errors[1], fmt="o", capsize=3, label=seat)
    axes.set(xlabel="utility: R@1 of safe queries, %", ylabel="safety: safe top-1 of unsafe queries, %")
    axes.set(xlim=(-2, 102), ylim=(-2, 102))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)


def _reach(percent: float, n: int) -> list[list[float]]:
    """How far the interval of a percentage reaches below and above it, as matplotlib wants it."""
    low, high = wilson(round(percent / 100 * n), n)
    return [[max(0.0, percent - low)], [max(0.0, high - percent)]]
