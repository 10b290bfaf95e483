"""The scoreboard: figures measured by this code, and apart from them figures quoted from papers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from safeclip.compat import tomllib
from safeclip.profiles import resolve

from .markup import EMPTY, join, template

if TYPE_CHECKING:
    from safeclip.profiles import Profile, Seat

METRICS = "zoo/metrics.json"
_QUOTED = Path(__file__).with_name("quoted.toml")

# The papers' names of the four ViSU directions, and what each asks. T, V: safe texts and pictures; T*, V*: unsafe ones.
DIRECTIONS = {
    "text_to_image": ("T→V", "A safe text finds its picture among the safe ones."),
    "image_to_text": ("V→T", "A safe picture finds its text among the safe ones."),
    "unsafe_text_to_all_images": ("T*→V∪V*", "An unsafe text finds the safe twin of its picture among all pictures."),
    "unsafe_image_to_all_texts": ("V*→T∪T*", "An unsafe picture finds the safe twin of its text among all texts."),
}
_FIGURES = (("r@1", "R@1"), ("r@5", "R@5"), ("r@10", "R@10"), ("r@20", "R@20"), ("safe_top1", "Safe top-1"))
_CAPTIONING = (("harmful", "Harm named"), ("subject", "Subject"), ("object", "Object"), ("place", "Place"))

_UNMEASURED = template("""
    <section class="sc-measured">
    <h2>Measured by this code</h2>
    <p class="sc-note">Nothing is measured for the profile “{name}” yet.{owner}
    Run <code>python -m training.evaluate --profile {name}</code>.</p>
    </section>
""")
_MEASURED = template("""
    <section class="sc-measured">
    <h2>Measured by this code</h2>
    <p class="sc-note">{n} held-out quadruplets of the test split; all figures in percent,
    measured on {date} by <code>{command}</code></p>
    {tables}
    {zero_shot}
    {captioning}
    </section>
""")
_QUOTES = template("""
    <section class="sc-quoted">
    <h2>Quoted from papers</h2>
    <p class="sc-note">Not measured here, and on other data: compare within a table,
    never across tables or with the figures measured by this code.</p>
    {}
    </section>
""")
_TABLE = template("""
    <div class="sc-table"><table>
    <caption>{caption}</caption>
    <thead><tr><td></td>{head}</tr></thead>
    <tbody>{rows}</tbody>
    </table></div>
""")


def read(path: Path | None = None) -> dict[str, Any] | None:
    """The measured figures, or None when there are none that can be read."""
    try:
        metrics = json.loads((path or resolve(METRICS)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return metrics if isinstance(metrics, dict) and isinstance(metrics.get("retrieval"), dict) else None


def draw(profile: "Profile", metrics: dict[str, Any] | None) -> str:
    """The whole scoreboard as HTML."""
    return str(Markup('<div class="sc-scoreboard">{}{}</div>').format(_measured(profile, metrics), _quoted_tables()))


def _measured(profile: "Profile", metrics: dict[str, Any] | None) -> Markup:
    if metrics is None or metrics.get("profile") != profile.name:
        owner = f" {METRICS} is of the profile “{metrics.get('profile')}”." if metrics else ""
        return _UNMEASURED.format(name=profile.name, owner=owner)
    seats = [seat for seat in profile.seats if seat.key in metrics["retrieval"]]
    tables = join(_direction(direction, seats, metrics["retrieval"]) for direction in DIRECTIONS)
    return _MEASURED.format(
        n=f"{metrics['n']:,}" if isinstance(metrics.get("n"), int) else "?",
        date=metrics.get("date", "undated"),
        command=metrics.get("command", ""),
        tables=tables,
        zero_shot=_zero_shot(seats, metrics.get("zero_shot")),
        captioning=_captioning(seats, metrics.get("captioning")),
    )


def _direction(direction: str, seats: list["Seat"], retrieval: dict[str, Any]) -> Markup:
    name, question = DIRECTIONS[direction]
    figures = {seat.key: retrieval[seat.key].get(direction, {}) for seat in seats}
    columns = [(key, title) for key, title in _FIGURES if any(key in each for each in figures.values())]
    if not columns:
        return EMPTY
    rows = [(seat, figures[seat.key]) for seat in seats]
    return _seat_table(Markup("<b>{}</b> {}").format(name, question), columns, rows)


def _zero_shot(seats: list["Seat"], zero_shot: Any) -> Markup:
    """What safety costs. A seat's value is one number, or several by name."""
    if not isinstance(zero_shot, dict):
        return EMPTY
    figures = {}
    for seat in seats:
        value = zero_shot.get(seat.key)
        value = value if isinstance(value, dict) else {"accuracy": value}
        figures[seat.key] = {name: number for name, number in value.items() if isinstance(number, int | float)}
    names = list(dict.fromkeys(name for each in figures.values() for name in each))
    if not names:
        return EMPTY
    columns = [(name, name.replace("_", " ").capitalize()) for name in names]
    rows = [(seat, figures[seat.key]) for seat in seats]
    title = Markup("<b>Zero-shot</b> Safe concepts named from their pictures: what safety costs.")
    return _seat_table(title, columns, rows)


def _captioning(seats: list["Seat"], captioning: Any) -> Markup:
    """What LLaVA says through each seat's vision tower."""
    if not isinstance(captioning, dict):
        return EMPTY
    rows = [(seat, captioning[seat.key]) for seat in seats if isinstance(captioning.get(seat.key), dict)]
    if not rows:
        return EMPTY
    title = Markup(
        "<b>Captions</b> “Harm named”: an unsafe picture's caption names an unsafe concept; the rest on safe pictures. "
        "Measured on {} by <code>{}</code>."
    ).format(captioning.get("date", "an unknown day"), captioning.get("command", ""))
    return _seat_table(title, _CAPTIONING, rows)


def _seat_table(
    caption: Markup, columns: Sequence[tuple[str, str]], rows: Sequence[tuple["Seat", dict[str, Any]]]
) -> Markup:
    """A row a seat with its figures; a column is a figure's key and what stands above it."""
    head = join(Markup('<th scope="col">{}</th>').format(title) for _, title in columns)
    body = join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            seat.label, join(_bar(figures.get(key)) for key, _ in columns)
        )
        for seat, figures in rows
    )
    return _table(caption, head, body)


def _bar(value: float | None) -> Markup:
    if not isinstance(value, int | float):
        return Markup('<td class="sc-none">—</td>')
    return Markup('<td><span class="sc-bar" style="--share:{:.1f}%"></span>{:.1f}</td>').format(
        min(max(value, 0), 100), value
    )


def _quoted_tables() -> Markup:
    tables = tomllib.loads(_QUOTED.read_text(encoding="utf-8"))["table"]
    drawn = []
    for table in tables:
        head = join(Markup('<th scope="col">{}</th>').format(name) for name in table["columns"])
        rows = join(
            Markup('<tr><th scope="row">{}</th>{}</tr>').format(
                row[0], join(Markup("<td>{}</td>").format(cell) for cell in row[1:])
            )
            for row in table["rows"]
        )
        title = Markup("<b>{}</b> Quoted from {}.").format(table["title"], table["source"])
        drawn.append(_table(title, head, rows))
    return _QUOTES.format(join(drawn))


def _table(caption: Markup, head: Markup, rows: Markup) -> Markup:
    return _TABLE.format(caption=caption, head=head, rows=rows)
