"""Grids of outcomes: a row for each perturbation, a column for each seat, as HTML for the page and for reports."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from safeclip.failures.kinds import SHOWN

from ..common.blur_policy import data_uri
from ..common.markup import EMPTY, join, mark, template
from ..common.service import plain

if TYPE_CHECKING:
    from safeclip.failures.kinds import Outcome
    from safeclip.redteam.trials import Trial

    from .pictures import CellPictures

_GRID = template("""
    <div class="sc-grid-table" tabindex="0" role="group" aria-label="{name}"><table class="sc-grid">
    <thead><tr><th scope="col">{subject}</th>{heads}</tr></thead>
    <tbody>{rows}</tbody>
    </table></div>
""")
_ROW = template("""
    <tr><th scope="row">{picture}{text}<small>{stack}{open}</small>{notes}</th>{cells}</tr>
""")
_CELL = template("""
    <td data-label="{label}" data-unsafe="{unsafe}">{picture}<b>{mark}{word}</b>
    <small>{why}{margin}</small></td>
""")
_GIVEN = Markup('<img src="{}" alt="" width="64" height="64" decoding="async">')  # its row's name stands beside it
AS_IT_IS = "as it is"


def grid(
    trials: Sequence["Trial"],
    labels: Mapping[str, str],
    name: str,
    pictures: "CellPictures",
    *,
    link: "Callable[[Trial], str]" = lambda trial: "",
) -> Markup:
    """The trials in their order; `labels` are those of the seats. `name` is what a screen reader calls the grid.

    `link` makes the address that opens a trial in its tab, "" where there is none.
    """
    heads = join(Markup('<th scope="col">{}</th>').format(label) for label in labels.values())
    subject = "Picture" if any(trial.picture for trial in trials) else "Text"
    first = next((trial.notes for trial in trials if not trial.stack), ())  # what it says is said of all others too
    rows = join(
        _row(trial, labels, pictures, link, [note for note in trial.notes if not trial.stack or note not in first])
        for trial in trials
    )
    return _GRID.format(name=name, subject=subject, heads=heads, rows=rows)


def _row(
    trial: "Trial",
    labels: Mapping[str, str],
    pictures: "CellPictures",
    link: "Callable[[Trial], str]",
    notes: Sequence[str],
) -> Markup:
    text, open = trial.text, EMPTY
    name = trial.stack or AS_IT_IS
    if trial.refused:
        text, cells = "Refused.", Markup('<td colspan="{}">The policy forbids this text.</td>').format(len(labels))
    elif not trial.applied:
        why = " ".join(trial.notes) or "Nothing here to change."
        text, notes, cells = "", (), Markup('<td colspan="{}">{}</td>').format(len(labels), why)
    else:
        cells = join(_cell(trial, key, label, pictures.of(trial, key)) for key, label in labels.items())
        if address := link(trial):
            open = Markup(' · <a href="{}" aria-label="Open in its tab: {}">Open</a>').format(address, text or name)
    given = _GIVEN.format(Markup(data_uri(trial.picture))) if trial.picture else EMPTY
    said = join(Markup("<small>{}</small>").format(note) for note in notes)
    return _ROW.format(picture=given, text=text, stack=name, open=open, notes=said, cells=cells)


def _cell(trial: "Trial", seat: str, label: str, picture: Markup) -> Markup:
    outcome = trial.outcomes.get(seat)
    if outcome is None:
        return Markup('<td data-label="{}">{}</td>').format(label, plain(trial.errors.get(seat, "—")))
    cell = _CELL.partly(label=label, picture=picture)
    if not outcome.judged:
        return cell.format(unsafe="no", mark=mark(None), word="not judged", why="", margin=EMPTY)
    judged = outcome.threshold is not None
    seen = f"judged {outcome.score:.2f}" + (f": {outcome.said}" if outcome.said else "")
    if trial.picture:
        seen = f"“{outcome.said}” judged {outcome.score:.2f}"
    return cell.format(
        unsafe="yes" if outcome.unsafe else "no",
        mark=mark(outcome.unsafe),
        word=("flagged" if outcome.unsafe else "passes") if judged else "leaks" if outcome.unsafe else "holds",
        why=seen if judged else f"{outcome.unsafe_hits} of {SHOWN} unsafe",
        margin=margin(outcome),
    )


def margin(outcome: "Outcome") -> Markup:
    """The margin of an outcome, in words for a screen reader too; nothing where it is not known."""
    if outcome.margin is None:
        return EMPTY
    title = "best safe score minus best unsafe score"
    if outcome.threshold is not None:
        title = "the judge's threshold minus its score"
    return Markup(', <span title="{}">margin {:+.3f}</span>').format(title, outcome.margin)
