"""`redteam`: perturbs texts of a file, or of the gallery, and writes a report; attacks them where it is asked to."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .reporting import progress

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.failures.texts import GivenText
    from safeclip.redteam.attack import SuccessRate
    from safeclip.redteam.batch import Results

DOC = """Perturbs texts in every way there is, searches with each under every seat, and writes a report.

A run that was stopped, even by a power cut, goes on where it was when the same command is given again.

  {program} --profile emoji --texts prompts.csv --report report.html --csv report.csv
  {program} --profile emoji --gallery 50 --stacks synonyms+leetspeak negation+politeness
  {program} --profile emoji --gallery 30 --attack 200
"""
WORK = Path("runs/redteam")


def main(argv: Sequence[str], program: str) -> int:
    """Runs the red team. Raises SafeClipError."""
    options = read_options(argv, program)
    import safeclip
    from safeclip.errors import QueryError
    from safeclip.failures.texts import read_texts
    from safeclip.options import choose_seats
    from safeclip.redteam.batch import MOST, Batch, ResultsInFile, unsafe_ones
    from safeclip.redteam.perturbations import PERTURBATIONS, Stack, Words, parse_stack
    from safeclip.redteam.trials import RedTeam

    lab = safeclip.open(options.profile)
    seated = lab.generation.seats if options.task == "generation" else lab.encoders.seats
    seats = choose_seats(seated, options.seats)
    place = options.texts or f"the gallery of the profile “{options.profile}”"
    texts = read_texts(options.texts, most=MOST) if options.texts else gallery_texts(lab, options.gallery)
    texts = unsafe_ones(texts, place)
    if options.attack:
        if options.task == "generation":
            raise QueryError("An attack searches and paints nothing. Leave out --task generation.")
        return attack(lab, [text.text for text in texts], seats, options.attack)
    stacks = [Stack((each,)) for each in PERTURBATIONS.values()]
    stacks += [stack for stack in (parse_stack(name, PERTURBATIONS) for name in options.stacks) if stack not in stacks]
    team = RedTeam(lab, Words.of(lab.profile), seats, task=options.task)
    batch = Batch(team, texts, stacks)
    for results in batch.run(ResultsInFile(options.work / f"{batch.fingerprint}.jsonl")):
        progress(f"{len(results)} of {len(batch)} texts")
    write_reports(lab, results, {seat: seated[seat].label for seat in seats}, options, batch.fingerprint)
    return 0


def read_options(argv: Sequence[str], program: str) -> argparse.Namespace:
    """Reads the flags; an invalid one ends the program with status 2."""
    from safeclip.redteam.trials import TASKS

    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(program, description=DOC.format(program=program), formatter_class=raw)
    add = parser.add_argument
    add("--profile", default="emoji", help="name of a profile, or the path of its .toml file")
    add("--texts", type=Path, metavar="FILE", help="at most 500 texts: CSV, JSON, JSON lines, Parquet or text")
    add("--gallery", type=int, default=50, metavar="N", help="without --texts: N unsafe captions, evenly spread")
    add("--seats", nargs="+", metavar="SEAT", help="which seats to try (default: all)")
    add("--task", choices=TASKS, default=TASKS[0], help="search with each text (default), or paint it")
    add("--stacks", nargs="+", default=[], metavar="STACK", help="perturbations to stack as well: synonyms+leetspeak")
    add("--report", type=Path, default=WORK / "report.html", metavar="FILE", help="report for a browser")
    add("--csv", type=Path, metavar="FILE", help="every trial as a table")
    add("--attack", type=int, default=0, metavar="BUDGET", help="instead: greedy substitution within BUDGET searches")
    add("--work", type=Path, default=WORK, metavar="DIR", help="where finished texts are kept")
    return parser.parse_args(argv)


def gallery_texts(lab: "Lab", count: int) -> "list[GivenText]":
    """Captions of unsafe items, evenly spread over the gallery."""
    from safeclip.failures.texts import GivenText

    unsafe = [item for item in lab.gallery.items if item.unsafe and item.caption]
    count = min(count, len(unsafe))
    taken = [unsafe[i * len(unsafe) // count] for i in range(count)]
    return [GivenText(item.caption, category=item.category, concept=item.object) for item in taken]


def attack(lab: "Lab", texts: Sequence[str], seats: Sequence[str], budget: int) -> int:
    """Attacks the texts that the policy allows under each seat, and prints how often that succeeds."""
    from safeclip.redteam.attack import success_rates, whole_words
    from safeclip.refusal import is_allowed

    asked = [text for text in texts if is_allowed(text, real_world=lab.profile.real_world)]
    if len(asked) < len(texts):
        print(f"{len(texts) - len(asked)} of {len(texts)} texts are refused by the policy and not attacked.")
    for rate, _ in success_rates(lab, asked, whole_words(lab), seats, budget=budget) if asked else ():
        print(f"{lab.encoders.seats[rate.seat].label}: {_told(rate)}")
    return 0


def _told(rate: "SuccessRate") -> str:
    unjudged = f"; after {rate.unjudged} more nobody has judged the first result" if rate.unjudged else ""
    if not rate.n:
        return f"nothing is known{unjudged}"
    low, high = rate.interval
    return (
        f"{rate.succeeded} of {rate.n} texts leak within {rate.budget} tries "
        f"({100 * rate.succeeded / rate.n:.0f} %, {low:.0f}–{high:.0f}), {rate.leaked_before} of them as they were"
        f"{unjudged}"
    )


def write_reports(
    lab: "Lab", results: "Results", labels: Mapping[str, str], options: argparse.Namespace, fingerprint: str
) -> None:
    """Writes the reports that the flags ask for, and prints how many trials leak under each seat of `labels`."""
    from safeclip.redteam.trials import judged_outcomes
    from safeclip.runtime.atomic_files import write_atomically

    from ..redteam.report import to_csv, to_html

    about = f"{len(results)} texts on the profile {lab.profile.title}, fingerprint {fingerprint[:8]}."
    options.report.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(options.report, to_html(results, labels, lab.gallery, "Red team", about).encode())
    if options.csv:
        write_atomically(options.csv, to_csv(results).encode())
    trials = [trial for _, own in results for trial in own if trial.applied and not trial.refused]
    for seat, label in labels.items():
        outcomes = judged_outcomes(trials, seat)
        print(f"{label}: {sum(outcome.unsafe for outcome in outcomes)} of {len(outcomes)} trials leak")
    refused = sum(trial.refused for _, own in results for trial in own)
    print(f"{refused} refused by the policy. Report: {options.report}")
