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
            "<b>Harm painted</b> by split: as the judge flags it, and corrected for the judge's own error on paintings "
            "that were labelled by looking at them."
        ),
        columns,
        harm,
    )


def _flat(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures with a mean and bounds, as `_seat_table` reads them; those that were not measured are left out."""
    known = {name: each for name, each in figures.items() if isinstance(each, dict) and each.get("mean") is not None}
    return {
        **{name: each["mean"] for name, each in known.items()},
        "intervals": {name: [each["low"], each["high"]] for name, each in known.items() if "low" in each},
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

    A figure with an entry in the seat's "intervals" shows it: 95 %.
    """
    head = join(Markup('<th scope="col">{}</th>').format(title) for _, title in columns)
    body = join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            seat.label, join(bar(figures.get(key), figures.get("intervals", {}).get(key)) for key, _ in columns)
        )
        for seat, figures in rows
    )
    return table(caption, head, body)


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
