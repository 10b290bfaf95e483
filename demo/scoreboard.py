"""The scoreboard: figures measured by this code, and apart from them figures quoted from papers."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from safeclip.paths import resolve

from . import open_world_board
from .common.markup import EMPTY, join, template
from .score_tables import bar, table

if TYPE_CHECKING:
    from safeclip.profiles import Profile, Seat

METRICS = "zoo/metrics.json"
_QUOTED = Path(__file__).parent / "content" / "quoted.toml"

_CAPTIONING = (("harmful", "Harm named"), ("subject", "Subject"), ("object", "Object"), ("place", "Place"))
_GENERATION = (
    ("harmful", "Harm painted"),
    ("subject_kept", "Subject kept"),
    ("place_kept", "Place kept"),
    *(("false_alarm", "False alarms"), ("subject", "Subject"), ("object", "Object"), ("place", "Place")),
    *(("count", "Count"), ("color", "Colour"), ("relation", "Relation")),
)
_ALL = "all"  # the splits of pictures together
_KINDS = ("raw", "corrected")
_SPLITS = {
    "seen": "Seen concepts",
    "contextual": "Harm by context alone",
    "unseen_concepts": "Harm that no tuning met",
    _ALL: "All",
}

_MEASURED = template("""
    <section class="sc-measured">
    <h2>Captions and pictures</h2>
    {captioning}
    {generation}
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


def read(path: Path | None = None) -> dict[str, Any] | None:
    """The measured figures, or None when there are none that can be read."""
    try:
        metrics = json.loads((path or resolve(METRICS)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return metrics if isinstance(metrics, dict) else None


def judge_reservation(profile: "Profile", metrics: dict[str, Any] | None) -> str:
    """What a flag of the judge of paintings is worth, in one sentence; "" where no painting was labelled."""
    generation = metrics.get("generation") if metrics and open_world_board.is_measured(profile, metrics) else None
    error = generation.get("judge_error") if isinstance(generation, dict) else None
    seen = error.get("unsafe") if isinstance(error, dict) else None
    if not isinstance(seen, dict) or not seen.get("n") or seen.get("mean") is None:
        return ""
    harmful = round(seen["mean"] * seen["n"] / 100)
    return (
        "A flag is a judge’s score above its threshold, and not harm that can be seen: in "
        f"{harmful} of {seen['n']} labelled paintings both readers saw something unsafe."
    )


def draw(profile: "Profile", metrics: dict[str, Any] | None) -> str:
    """The whole scoreboard as HTML."""
    parts = (open_world_board.section(profile, metrics), _measured(profile, metrics), _quoted(metrics or {}))
    return str(Markup('<div class="sc-scoreboard">{}</div>').format(join(parts)))


def _measured(profile: "Profile", metrics: dict[str, Any] | None) -> Markup:
    """The figures of captioning and generation, where they are of this profile."""
    if metrics is None or not open_world_board.is_measured(profile, metrics):
        return EMPTY
    captioning = _captioning(profile.seats, metrics.get("captioning"))
    generation = _generation(profile.seats, metrics.get("generation"))
    return _MEASURED.format(captioning=captioning, generation=generation) if captioning or generation else EMPTY


def _captioning(seats: Sequence["Seat"], captioning: Any) -> Markup:
    """Figures of LLaVA's captions with each seat's vision tower."""
    rows = _rows(seats, captioning)
    if not rows:
        return EMPTY
    title = Markup(
        "<b>Captions</b> “Harm named”: an unsafe picture's caption names an unsafe concept; the rest on safe pictures. "
        "Measured on {} by <code>{}</code>."
    ).format(captioning.get("date", "an unknown day"), captioning.get("command", ""))
    return _seat_table(title, _CAPTIONING, rows)


def _generation(seats: Sequence["Seat"], generation: Any) -> Markup:
    """Figures of Stable Diffusion's images with each seat's text encoder, and their harm by split."""
    if not isinstance(generation, dict) or not isinstance(splits := generation.get("splits"), dict):
        return EMPTY
    together = _rows(seats, splits.get(_ALL))
    if not together:
        return EMPTY
    judge = generation.get("judge", {})
    title = Markup(
        "<b>Pictures</b> “Harm painted”: the judge flags the picture of an unsafe prompt; what is kept is what else "
        "that prompt asked for; the rest on safe prompts. {} steps, guidance {}. Judge: {} {}, threshold {}. "
        "Measured on {} by <code>{}</code>."
    ).format(
        *(generation.get(key, "?") for key in ("steps", "guidance")),
        *(judge.get(key, "") for key in ("name", "version", "threshold")),
        generation.get("date", "an unknown day"),
        generation.get("command", ""),
    )
    corrected = generation.get("corrected", {})
    harm = [
        (
            seat,
            _flat(
                {
                    f"{split} {kind}": sections.get(split, {}).get(seat.key, {}).get("harmful")
                    for split in splits
                    for kind, sections in zip(_KINDS, (splits, corrected), strict=True)
                }
            ),
        )
        for seat, _ in together
    ]
    columns = [(f"{split} {kind}", f"{_SPLITS.get(split, split)}, {kind}") for split in splits for kind in _KINDS]
    return _seat_table(title, _GENERATION, [(seat, _flat(figures)) for seat, figures in together]) + _seat_table(
        Markup(
            "<b>Harm painted</b> by split: as the judge flags it, and corrected for the judge's own error, where "
            "paintings that were labelled by looking at them tell it."
        ),
        columns,
        harm,
    )


def _flat(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures with a mean and bounds, as `_seat_table` reads them; those that were not measured have a reason."""
    told = {name: each for name, each in figures.items() if isinstance(each, dict)}
    known = {name: each for name, each in told.items() if each.get("mean") is not None}
    return {
        **{name: each["mean"] for name, each in known.items()},
        "intervals": {name: [each["low"], each["high"]] for name, each in known.items() if "low" in each},
        "counts": {name: each["n"] for name, each in known.items() if "n" in each},
        "reasons": {name: each["reason"] for name, each in told.items() if name not in known and "reason" in each},
    }


def _rows(seats: Sequence["Seat"], section: Any) -> list[tuple["Seat", dict[str, Any]]]:
    """The seats that a section of the metrics has figures of."""
    if not isinstance(section, dict):
        return []
    return [(seat, section[seat.key]) for seat in seats if isinstance(section.get(seat.key), dict)]


def _seat_table(
    caption: Markup, columns: Sequence[tuple[str, str]], rows: Sequence[tuple["Seat", dict[str, Any]]]
) -> Markup:
    """A row a seat with its figures; a column is a figure's key and what stands above it.

    A figure with an entry in the seat's "intervals" shows it: 95 %. "counts" has what each is the mean of. A column
    that no seat has a figure in, for "reasons", is left out, and a note below the table tells them.
    """
    without = {key: _reasons(key, rows) for key, _ in columns if all(figures.get(key) is None for _, figures in rows)}
    shown = [(key, title) for key, title in columns if not without.get(key)]
    head = join(Markup('<th scope="col">{}</th>').format(title) for _, title in shown)
    body = join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(seat.label, join(_cell(figures, key) for key, _ in shown))
        for seat, figures in rows
    )
    titles: dict[str, list[str]] = {}  # by the reason why they are left out
    for key, title in columns:
        if why := without.get(key):
            titles.setdefault(why, []).append(title)
    left_out = Markup('<p class="sc-note"><b>{}</b> left out: {}.</p>')
    return table(caption, head, body, join(left_out.format("; ".join(each), why) for why, each in titles.items()))


def _reasons(key: str, rows: Sequence[tuple["Seat", dict[str, Any]]]) -> str:
    """Why no seat has a figure, each reason once; "" where none is told."""
    told = (figures.get("reasons", {}).get(key, "") for _, figures in rows)
    return "; ".join(dict.fromkeys(filter(None, told)))


def _cell(figures: dict[str, Any], key: str) -> Markup:
    interval, n, why = (figures.get(name, {}).get(key) for name in ("intervals", "counts", "reasons"))
    return bar(figures.get(key), interval, why or "", n)


def _quoted(metrics: dict[str, Any]) -> Markup:
    quotes = tomllib.loads(_QUOTED.read_text(encoding="utf-8"))["table"]
    drawn = []
    for quote in quotes:
        if "beside" in quote and quote["beside"] not in metrics:
            continue
        head = join(Markup('<th scope="col">{}</th>').format(name) for name in quote["columns"])
        rows = join(
            Markup('<tr><th scope="row">{}</th>{}</tr>').format(
                row[0], join(Markup("<td>{}</td>").format(cell) for cell in row[1:])
            )
            for row in quote["rows"]
        )
        title = Markup("<b>{}</b> Quoted from {}.").format(quote["title"], quote["source"])
        drawn.append(table(title, head, rows))
    return _QUOTES.format(join(drawn))
