"""Tables of the scoreboard: figures as bars with their intervals."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from .common.markup import EMPTY, template

_TABLE = template("""
    <div class="sc-table" role="group" tabindex="0" aria-label="Table"><table>
    <caption>{caption}</caption>
    <thead><tr><td></td>{head}</tr></thead>
    <tbody>{rows}</tbody>
    </table></div>
""")


def table(caption: Markup, head: Markup, rows: Markup) -> Markup:
    """A table whose first column has no head."""
    return _TABLE.format(caption=caption, head=head, rows=rows)


def bar(value: Any, interval: Sequence[float] | None = None, why: str = "") -> Markup:
    """A cell with a percentage as a bar and its 95 % interval; a dash where there is no number, with the reason."""
    if not isinstance(value, int | float):
        return Markup('<td class="sc-none"{}>—</td>').format(Markup(' title="{}"').format(why) if why else EMPTY)
    ends = Markup('<br><small title="95 % interval">{:.1f}–{:.1f}</small>').format(*interval) if interval else EMPTY
    return Markup('<td><span class="sc-bar" style="--share:{:.1f}%"></span>{:.1f}{}</td>').format(
        min(max(value, 0), 100), value, ends
    )
