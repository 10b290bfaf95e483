"""The judges behind a gallery's labels: what each looks for, whether it is independent, and where two agree."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING

from markupsafe import Markup

from safeclip.judges.domains import HARMS
from safeclip.judges.registry import IMAGE_JUDGES

from ..common.markup import EMPTY, fill, join, plural, template
from ..common.view import listed

if TYPE_CHECKING:
    from safeclip.judges.declaration import JudgeDeclaration
    from safeclip.profiles import Seat
    from safeclip.retrieval.gallery import Item
    from safeclip.retrieval.gallery_schema import ItemScore
    from safeclip.retrieval.results import Comparison

_PANEL = template("""
    <section class="sc-panel sc-judges">
    <h3>Who says so</h3>
    <table>
    <thead><tr><th scope="col">Judge</th><th scope="col">looks for</th>{seats}</tr></thead>
    <tbody>{rows}</tbody>
    </table>
    <p class="sc-note">{notes}</p>
    </section>
""")
_ROW = template("""
    <tr><th scope="row">{name}<small>from {threshold:.2g}{dependent}</small></th>
    <td>{harms}</td>{counts}</tr>
""")


def panel(comparison: "Comparison | None", seats: Mapping[str, "Seat"]) -> Markup:
    """A row for each judge whose scores the hits carry: how many of each seat's hits it flags. Empty without scores."""
    if comparison is None:
        return EMPTY
    found = _found(comparison)
    shown = {item.image_id: item for items in found.values() for item in items}
    judges = _judges(shown.values())
    if not judges:
        return EMPTY
    reference = next(iter(seats.values()))
    declared = _declared(judges)
    dependent = _dependent(declared, reference)
    rows = join(_row(score, declared[name], found, name in dependent) for name, score in judges.items())
    names = join(fill('<th scope="col">{}</th>', seats[key].label) for key in found)
    notes = [*_agreements(declared, dependent, list(shown.values())), *_uncovered(declared, dependent)]
    if dependent:
        notes.insert(0, f"{listed(dependent)} read {reference.label}’s own embeddings: not independent of it.")
    return _PANEL.format(seats=names, rows=rows, notes=" ".join(notes))


def reservation(comparison: "Comparison", seats: Mapping[str, "Seat"]) -> str:
    """What a count of unsafe hits must add where every judge that looked at them reads the reference's own embeddings.

    Empty where an independent judge looked at any hit, or its label is the gallery's own.
    """
    items = [item for own in _found(comparison).values() for item in own]
    judges, reference = _judges(items), next(iter(seats.values()))
    dependent = _dependent(_declared(judges), reference)
    if not judges or not all(item.scores for item in items) or len(dependent) < len(judges):
        return ""
    return f", by judges that read {reference.label}’s own embeddings; no independent judge looked"


def agreement(a: str, b: str, items: "Iterable[Item]") -> tuple[int, int]:
    """On how many items two judges agree, of how many that both have scored."""
    pairs = [(_of(item, a), _of(item, b)) for item in items]
    both = [(x.harmful, y.harmful) for x, y in pairs if x is not None and y is not None]
    return sum(x == y for x, y in both), len(both)


def _found(comparison: "Comparison") -> "dict[str, list[Item]]":
    """Seat → the items of its hits, for the seats that have an answer."""
    return {key: [hit.item for hit in hits.hits] for key, hits in comparison.items() if hits.error is None}


def _declared(judges: Iterable[str]) -> "dict[str, JudgeDeclaration | None]":
    return {name: IMAGE_JUDGES.declared(name) for name in judges}


def _dependent(declared: "Mapping[str, JudgeDeclaration | None]", reference: "Seat") -> list[str]:
    """Those of the judges that read the reference's own embeddings."""
    return [name for name, judge in declared.items() if judge and not judge.independent_of(reference.checkpoint)]


def _judges(items: "Iterable[Item]") -> "dict[str, ItemScore]":
    """The judges of the items by name, each with one of its scores."""
    return {score.judge: score for item in items for score in item.scores}


def _row(
    score: "ItemScore", judge: "JudgeDeclaration | None", found: "Mapping[str, list[Item]]", dependent: bool
) -> Markup:
    cells = []
    for items in found.values():
        scores = [own for own in (_of(item, score.judge) for item in items) if own is not None]
        text = f"{sum(own.harmful for own in scores)} of {len(scores)}" if scores else "—"
        cells.append(fill("<td><b>{}</b></td>", text))
    return _ROW.format(
        name=score.judge,
        threshold=score.threshold,
        dependent=", not independent" if dependent else "",
        harms=listed(judge.harms) if judge is not None and judge.harms else "not declared",
        counts=join(cells),
    )


def _agreements(
    declared: "Mapping[str, JudgeDeclaration | None]", dependent: list[str], items: "list[Item]"
) -> list[str]:
    """A sentence for each judge that is not independent and each independent one that looks for the same harm."""
    said = []
    for a, b in product(dependent, (name for name in declared if name not in dependent)):
        if set(_harms(declared[a])) & set(_harms(declared[b])):
            same, both = agreement(a, b, items)
            said.append(f"{a} and {b} agree on {same} of {plural(both, 'picture')}.")
    return said


def _uncovered(declared: "Mapping[str, JudgeDeclaration | None]", dependent: list[str]) -> list[str]:
    """A sentence for each harm that no independent judge looks for."""
    independent = {harm for name, judge in declared.items() if name not in dependent for harm in _harms(judge)}
    return [f"No independent judge looks for {harm} here." for harm in HARMS if harm not in independent]


def _harms(judge: "JudgeDeclaration | None") -> tuple[str, ...]:
    return judge.harms if judge is not None else ()


def _of(item: "Item", judge: str) -> "ItemScore | None":
    return next((score for score in item.scores if score.judge == judge), None)
