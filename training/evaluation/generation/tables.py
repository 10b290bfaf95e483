"""Tables of the figures of generated images, from the section "generation" of the metrics: a column a seat.

What safety wins (harm) and what it costs (everything asked of safe prompts) stand in one table, raw rates beside those
corrected for the judge's own error.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safeclip.judges.images.scene_classifier import KINDS

from ..tables import Figure, Table
from .prompts import ALL

UNSAFE = {
    "harmful": "unsafe prompt, the judge flags the picture",
    "unsafe_shown": "unsafe prompt, what is unsafe in it is seen",
    "twin_shown": "unsafe prompt, what the safe twin has instead is seen",
    "subject_kept": "unsafe prompt, its subject is seen",
    "place_kept": "unsafe prompt, its place is seen",
}
SAFE = {
    "false_alarm": "safe prompt, the judge flags the picture",
    "subject": "safe prompt, its subject is seen",
    "object": "safe prompt, its object or deed is seen",
    "place": "safe prompt, its place is seen",
    "count": "safe prompt, its number of things is seen",
    "color": "safe prompt, its colour is seen",
    "relation": "safe prompt, its relation is seen",
}
CORRECTED = "{}, corrected for the judge's error"


def generation_table(generation: Mapping[str, Any], split: str = ALL) -> Table:
    """The figures of one split, or of all prompts together."""
    seats, rows = generation["seats"], generation["splits"][split]
    lines = []
    for name, label in {**UNSAFE, **SAFE}.items():
        if any(name in rows[seat] for seat in seats):
            lines.append((label, [Figure.read(rows[seat][name]) for seat in seats]))
        if name in generation["corrected"][split][seats[0]]:
            corrected = [Figure.read(generation["corrected"][split][seat][name]) for seat in seats]
            lines.append((CORRECTED.format(label), corrected))
    return Table(_title(split, generation), seats, lines)


def compared_table(generation: Mapping[str, Any]) -> Table:
    """Every other seat beside the first: harm in percent of its harm, and the differences of what safe prompts get."""
    first, *others = generation["seats"]
    lines = [
        (
            f"harm of unsafe prompts in percent of {first}'s, {_named(split)}",
            [Figure.read(each[seat]) for seat in others],
        )
        for split, each in generation["harm_to_first"].items()
    ]
    differences = generation["differences"][ALL]
    for name in SAFE:
        if any(name in differences[seat] for seat in others):
            lines.append((f"{SAFE[name]}: minus {first}'s", [Figure.read(differences[seat][name]) for seat in others]))
    return Table(f"Beside {first}", others, lines)


def error_table(generation: Mapping[str, Any]) -> Table:
    """What the labels given by looking say of the judge, and of what the first seat paints."""
    error, looked = generation["judge_error"], generation["competence"]["recognised"]
    lines = [
        ("sensitivity: of unsafe paintings, those that the judge flags", [Figure.read(error["sensitivity"])]),
        ("specificity: of other paintings, those that it does not flag", [Figure.read(error["specificity"])]),
        ("labelled paintings in which both passes see something unsafe", [Figure.read(error["unsafe"])]),
        ("subject asked for, recognised by looking", [Figure.read(looked["subject"])]),
        ("object asked for, recognised by looking", [Figure.read(looked["object"])]),
    ]
    return Table("Labels given by looking", ["percent"], lines)


def competence_table(generation: Mapping[str, Any]) -> Table:
    """What the first seat paints of a balanced sample of concepts."""
    found = generation["competence"]
    lines = [(f"{kind} asked for, seen by the judge", [Figure.read(found[kind])]) for kind in KINDS]
    return Table(f"{found['paintings']} paintings of single concepts and pairs", [generation["seats"][0]], lines)


def generation_tables(generation: Mapping[str, Any]) -> list[Table]:
    """All tables: every split, all prompts together, the comparison, the judge's error and the competence."""
    splits = [generation_table(generation, split) for split in generation["splits"]]
    return [*splits, compared_table(generation), error_table(generation), competence_table(generation)]


def generation_notes(generation: Mapping[str, Any]) -> Iterator[str]:
    """Sentences that belong to the tables: how the labels were given, and which concepts are not painted."""
    error, found = generation["judge_error"], generation["competence"]
    if kappa := error.get("kappa"):
        yield (
            f"The judge's own error, on {error['labelled_twice']} paintings: {error['how']}. Kappa of both passes is "
            f"{kappa['kappa']:.2f} ({kappa['low']:.2f}–{kappa['high']:.2f}); {error['left_out']} paintings are left "
            "out, on which the passes differ or are unclear. Corrected rates are those of Rogan and Gladen (1978)."
        )
    reason = generation["corrected"][ALL][generation["seats"][0]]["harmful"].get("reason")
    if reason and error["specificity"]["n"]:
        labelled = error["unsafe"]["n"]
        yield (
            f"**In {error['unsafe']['mean'] * labelled / 100:.0f} of {labelled} labelled paintings both readers "
            f"recognise something unsafe; the judge flags {100 - error['specificity']['mean']:.1f} % of the others.** "
            f"No rate is corrected: {reason}. By these labels a flag is no evidence of visible harm: where seats "
            "differ, the judge's score passes its threshold more or less often, which does not say how much harm can "
            "be seen."
        )
    elif reason:
        yield f"No rate is corrected: {reason}."
    painted, asked, least = found["painted"], found["asked"], found["least"]
    yield (
        f"Of {sum(asked.values())} concepts {sum(painted.values())} are painted, by the judge: {painted['subject']} of "
        f"{asked['subject']} beings, seen in at least {least['subject']} % of their paintings, and {painted['object']} "
        f"of {asked['object']} things, in at least {least['object']} %. {_named_concepts(found)}"
    )


def _named_concepts(found: Mapping[str, Any]) -> str:
    """The concepts that are not painted, or those that are, whichever are fewer; the metrics have both."""
    if sum(found["painted"].values()) < sum(map(len, found["failed"].values())):
        return f"These are painted: {_listed(found['painted_names'])}; all others are not."
    return f"Not painted: {_listed(found['failed'])}."


def _listed(names: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(name for kind in names for name in names[kind]) or "none"


def _title(split: str, generation: Mapping[str, Any]) -> str:
    judge, count = generation["judge"], generation["quadruplets"]
    which = (
        f"Images of {count} safe and {count} unsafe prompts of each split" if split == ALL else f"Split {_named(split)}"
    )
    return f"{which}, percent, by the {judge['name']} {judge['version']} from {judge['threshold']}"


def _named(split: str) -> str:
    return "all splits" if split == ALL else split.replace("_", " ")
