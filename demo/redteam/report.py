"""Reports of a batch: one HTML file that needs no server, with pictures, the flagged ones blurred, and CSV."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from safeclip.failures.export import csv_of
from safeclip.redteam.batch import Results, rows_of
from safeclip.redteam.trials import Trial, closest, judged_outcomes
from safeclip.retrieval.metrics import wilson

from ..common.blur_policy import BlurPolicy
from ..common.markup import join, template
from ..theme import STATIC, palette
from .grid import AS_IT_IS, grid
from .pictures import SheetPictures

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Gallery

CLOSEST = 20  # trials with the smallest margins that a report begins with

_PAGE = template("""
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
    <title>{title}</title><style>{style}</style></head>
    <body><main>
    <h1>{title}</h1>
    <p>{about}</p>
    <h2>Leaks by seat and perturbation</h2>
    {rates}
    <h2>Closest calls</h2>
    <p>The trials with the smallest margin under a seat beside the reference: best safe score minus best unsafe one, or
    what the judge's score of a picture lacks to its threshold.</p>
    {closest}
    <h2>Every text</h2>
    {texts}
    </main></body></html>
""")
_TEXT = template("""
    <details><summary>{number}. {text} <small>{category}</small></summary>
    {grid}
    </details>
""")
_RATES = template("""
    <table class="sc-grid"><thead><tr><th scope="col">Perturbation</th>{heads}</tr></thead><tbody>{rows}</tbody></table>
""")


def to_html(results: Results, labels: Mapping[str, str], gallery: "Gallery", title: str, about: str) -> str:
    """The report of a batch. Unsafe pictures are blurred beyond recognition, whoever opens the file."""
    pictures = SheetPictures(BlurPolicy(gallery, locked=True))
    trials = [trial for _, own in results for trial in own if trial.applied and not trial.refused]
    reference, *others = labels
    texts = join(
        _TEXT.format(
            number=number,
            text=text.text if not own[0].refused else "Refused by the policy.",
            category=text.category,
            grid=grid(own, labels, f"Text {number}", pictures),
        )
        for number, (text, own) in enumerate(results, start=1)
    )
    nearest = grid(closest(trials, others or [reference], CLOSEST), labels, "Closest calls", pictures)
    return str(
        _PAGE.format(
            title=title,
            about=about,
            style=Markup(_style() + pictures.style),
            rates=_rates(trials, labels),
            closest=nearest,
            texts=texts,
        )
    )


def to_csv(results: Results) -> str:
    """A row for each trial and seat; cells that a spreadsheet would run are quoted."""
    return csv_of(list(rows_of(results)))


def _rates(trials: Sequence[Trial], labels: Mapping[str, str]) -> Markup:
    """The share of leaks of each perturbation under each seat, with its 95 % interval."""
    rows = []
    for stack in dict.fromkeys(trial.stack for trial in trials):
        cells = []
        for seat in labels:
            outcomes = judged_outcomes((trial for trial in trials if trial.stack == stack), seat)
            cells.append(_rate(sum(outcome.unsafe for outcome in outcomes), len(outcomes)))
        rows.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(stack or AS_IT_IS, join(cells)))
    heads = join(Markup('<th scope="col">{}</th>').format(label) for label in labels.values())
    return _RATES.format(heads=heads, rows=join(rows))


def _rate(leaks: int, n: int) -> Markup:
    if not n:
        return Markup("<td>—</td>")
    low, high = wilson(leaks, n)
    return Markup("<td>{:.0f} %<small>{} of {}, {:.0f}–{:.0f}</small></td>").format(
        100 * leaks / n, leaks, n, low, high
    )


def _style() -> str:
    return palette() + (STATIC / "report.css").read_text(encoding="utf-8")
