"""Tables of the scoreboard: figures as bars with their intervals."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from safeclip.failures.slices import FEW

from .common.markup import EMPTY, template

_TABLE = template("""
    <div class="sc-table" role="group" tabindex="0" aria-label="Table"><table>
    <caption>{caption}</caption>
    <thead><tr><td></td>{head}</tr></thead>
    <tbody>{rows}</tbody>
    </table></div>
    {note}
""")


def table(caption: Markup, head: Markup, rows: Markup, note: Markup = EMPTY) -> Markup:
    """A table whose first column has no head, with a `note` below it."""
    return _TABLE.format(caption=caption, head=head, rows=rows, note=note)


def bar(value: Any, interval: Sequence[float] | None = None, why: str = "", n: int | None = None) -> Markup:
    """A cell with a percentage as a bar and its 95 % interval; a dash where there is no number, with the reason.

    A percentage of few, fewer than `FEW`, is grey and tells their number `n`.
    """
    if not isinstance(value, int | float):
        return Markup('<td class="sc-none"{}>—</td>').format(Markup(' title="{}"').format(why) if why else EMPTY)
    ends = Markup('<br><small title="95 % interval">{:.1f}–{:.1f}</small>').format(*interval) if interval else EMPTY
    few = n is not None and n < FEW
    return Markup('<td{}><span class="sc-bar" style="--share:{:.1f}%"></span>{:.1f}{}{}</td>').format(
        Markup(' class="sc-few"') if few else EMPTY,
        min(max(value, 0), 100),
        value,
        ends,
        Markup(" <small>n = {}</small>").format(n) if few else EMPTY,
    )
