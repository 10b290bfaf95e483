"""Paints the evaluation's prompts with the text encoder of every seat, and lets the profile's judge read the images."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import safeclip
from safeclip.encoders.seat import Seat
from safeclip.errors import ProfileError
from safeclip.generation.compare import Generation
from safeclip.judges import open_judge
from safeclip.judges.images.scene import SceneJudge
from safeclip.judges.images.scene_classifier import KINDS
from safeclip.profiles import load_profile

from ...data.open_world.splits import Phase
from ..open_world.evaluate import SEATED, SeatSource
from . import labels
from .attributes import attributes_seen
from .competence import CONCEPTS, Task, competence_figures, competence_tasks
from .figures import Reading, outcomes, split_figures
from .image_store import GeneratedImageStore
from .judge_error import HOW, RATES, JudgeError, recognised_figures
from .prompts import ALL, SPLITS, TEST, Prompt, PromptPair, split_prompts

QUADRUPLETS = 100  # of each split
WORK = Path("runs/evaluate-generation")
PROMPTS_AT_ONCE = 8
SIDES = ("safe", "unsafe")


@dataclass(frozen=True)
class Evaluation:
    """What is painted: the prompts of each split by all seats, and the tasks of competence by the first one."""

    generation: Generation
    store: GeneratedImageStore
    pairs: dict[str, list[PromptPair]]
    tasks: list[Task]

    @classmethod
    def open(
        cls,
        profile: str,
        count: int = QUADRUPLETS,
        *,
        phase: Phase = TEST,
        concepts: int = CONCEPTS,
        seats: Sequence[str] = (),
        work: Path = WORK,
        steps: int | None = None,
        dtype: str | None = None,
    ) -> "Evaluation":
        """`seats` are others beside the profile's, as "paper=checkpoint+adapter"; `steps` and `dtype` None are its own.

        Raises SafeClipError where the profile generates nothing, ValueError for a seat that cannot be read, and for
        more quadruplets than a split holds.
        """
        generation = with_seats(profile, [SeatSource.parse(text) for text in seats], dtype).generation
        store = GeneratedImageStore(generation, work, steps=steps)
        return cls(
            generation,
            store,
            {split: split_prompts(split, count, phase) for split in SPLITS},
            competence_tasks(concepts, phase=phase),
        )

    @property
    def seats(self) -> list[str]:
        return list(self.generation.seats)

    def images(self, prompts: Sequence[Prompt], seats: Sequence[str] | None = None) -> dict[str, list[Image.Image]]:
        """Seat → an image of each prompt. Progress goes to stderr."""
        chosen = list(seats or self.seats)
        found: dict[str, list[Image.Image]] = {seat: [] for seat in chosen}
        for start in range(0, len(prompts), PROMPTS_AT_ONCE):
            part = prompts[start : start + PROMPTS_AT_ONCE]
            images = self.store.images([prompt.text for prompt in part], [prompt.seed for prompt in part], chosen)
            for seat in chosen:
                found[seat] += images[seat]
            print(f"generated {start + len(part)} of {len(prompts)}", file=sys.stderr, flush=True)
        return found

    def readings(
        self, judge: SceneJudge, prompts: Sequence[Prompt], seats: Sequence[str] | None = None
    ) -> dict[str, list[Reading]]:
        """Seat → what the judge says of its image of each prompt."""
        return {seat: read(judge, prompts, images) for seat, images in self.images(prompts, seats).items()}


def read(judge: SceneJudge, prompts: Sequence[Prompt], images: Sequence[Image.Image]) -> list[Reading]:
    """What the judge says of the image of each prompt."""
    scores = judge.score(images)
    seen = judge.compositions(images)
    if seen is None:
        return [Reading(score) for score in scores]
    rows = zip(prompts, scores, seen, strict=True)
    return [Reading(score, attributes_seen(prompt, composition)) for prompt, score, composition in rows]


def with_seats(profile: str, others: Sequence[SeatSource], dtype: str | None = None) -> safeclip.Lab:
    """The lab of a profile whose seats generate beside others, in the order of the tables' rows, in a precision.

    Raises ValueError when the profile seats a row of the others already, or names the seats that generate.
    """
    known = load_profile(profile)
    if twice := ", ".join(sorted({each.row for each in others} & {seat.key for seat in known.seats})):
        raise ValueError(
            f"the profile “{profile}” seats {twice} itself; give --seats other rows, or take another profile"
        )
    if others and known.generation and known.generation.seats:
        raise ValueError(f"the profile “{profile}” names the seats that generate, so --seats would not be heard")
    if dtype and known.generation:
        known = replace(known, generation=replace(known.generation, dtype=dtype))
    added = [Seat(each.row, each.row, each.checkpoint, each.adapter) for each in others]
    order = {row: place for place, row in enumerate(SEATED)}
    seats = sorted((*known.seats, *added), key=lambda seat: order.get(seat.key, len(order)))
    return safeclip.open(replace(known, seats=tuple(seats) if added else known.seats))


def scene_judge(profile: str, generation: Generation) -> SceneJudge:
    """The profile's judge of scenes. Raises ProfileError when it names none, JudgeError when it cannot be had."""
    names = [name for name in generation.spec.judges if name.startswith("scene:")]
    if not names:
        raise ProfileError(
            f"The profile “{profile}” names no judge of scenes, which tells what an image shows. "
            'Add one to it: judges = ["scene:zoo/judge"].'
        )
    return open_judge(names[0])


def measure(
    profile: str,
    evaluation: Evaluation,
    unsafe: labels.Table | None = None,
    recognised: labels.Table | None = None,
) -> dict[str, Any]:
    """The section "generation" of the metrics file; the labels are by default those that are kept with the code.

    Raises SafeClipError when a seat cannot generate or there is no judge of scenes, ValueError when the prompts ask for
    a concept that the judge lacks.
    """
    judge = scene_judge(profile, evaluation.generation)
    _check_names(evaluation, judge)
    flags: dict[str, bool] = {}
    rows: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for split, pairs in evaluation.pairs.items():
        sides = {side: [getattr(pair, side) for pair in pairs] for side in SIDES}
        seen = {side: evaluation.readings(judge, prompts) for side, prompts in sides.items()}
        rows[split] = {seat: outcomes(pairs, seen["safe"][seat], seen["unsafe"][seat]) for seat in evaluation.seats}
        flags |= {
            evaluation.store.name(seat, prompt.text, prompt.seed): reading.score.harmful
            for side in SIDES
            for seat in evaluation.seats
            for prompt, reading in zip(sides[side], seen[side][seat], strict=True)
        }
    error = JudgeError(labels.read(labels.UNSAFE) if unsafe is None else unsafe, flags)
    first = evaluation.seats[0]
    competent = evaluation.readings(judge, [task.prompt for task in evaluation.tasks], [first])[first]
    names = {evaluation.store.name(first, task.prompt.text, task.prompt.seed) for task in evaluation.tasks}
    looked = labels.read(labels.RECOGNISED) if recognised is None else recognised
    return {
        "steps": evaluation.store.steps,
        "guidance": evaluation.store.guidance,
        "judge": {"name": judge.name, "version": judge.version, "threshold": round(judge.threshold, 4)},
        "seats": evaluation.seats,
        **_by_split(rows, evaluation.pairs, error),
        "judge_error": {**error.figures(), "how": HOW},
        "competence": {
            **competence_figures(evaluation.tasks, [reading.score for reading in competent]),
            "recognised": recognised_figures({name: row for name, row in looked.items() if name in names}),
        },
    }


def _by_split(rows: dict, pairs: dict[str, list[PromptPair]], error: JudgeError) -> dict[str, Any]:
    """The figures of each split and of all together, and the rates of flags corrected for the judge's error."""
    first = next(iter(rows.values()))
    together = {
        seat: {name: np.concatenate([rows[split][seat][name] for split in rows]) for name in first[seat]}
        for seat in first
    }
    found: dict[str, Any] = {"splits": {}, "corrected": {}, "differences": {}, "harm_to_first": {}}
    for split, measured in {**rows, ALL: together}.items():
        own = pairs[split] if split in pairs else [pair for each in pairs.values() for pair in each]
        figures = split_figures(measured, [pair.harm for pair in own])
        found["splits"][split] = figures["rows"]
        found["corrected"][split] = {
            seat: {rate: error.corrected(row[rate]) for rate in RATES} for seat, row in figures["rows"].items()
        }
        for name in ("differences", "harm_to_first"):
            found[name][split] = figures[name]
    return found


def _check_names(evaluation: Evaluation, judge: SceneJudge) -> None:
    prompts = [getattr(pair, side) for pairs in evaluation.pairs.values() for pair in pairs for side in SIDES]
    prompts += [task.prompt for task in evaluation.tasks]
    names = {prompt.asked(kind) for prompt in prompts for kind in KINDS} - {""}
    if absent := sorted(names - judge.concepts):
        raise ValueError(f"the {judge.name} does not know {', '.join(absent)}, which the captions ask for")
