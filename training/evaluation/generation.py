"""Evaluates generation: a profile's Stable Diffusion paints the test prompts with the text encoder of every seat.

    python -m training.evaluation.generation --profile emoji

Prints a table and writes it into `zoo/metrics.json` as "generation": in percent, with 95 % intervals. The prompts are
the captions of the first quadruplets of the profile's gallery, the seed of a prompt is the number of its quadruplet,
and the profile's judge of scenes says what each image shows. Images are kept in --work, so that a run that was stopped
anywhere goes on when it is called again.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import safeclip
from safeclip.errors import ProfileError
from safeclip.generation.compare import Generation
from safeclip.judges import Score, open_judge
from safeclip.judges.images.scene import SceneJudge
from safeclip.retrieval.gallery import Item

from ..data.emoji.world.concepts import world
from .command import build_parser, provenance, run
from .generation_figures import Asked, generation_figures
from .image_store import GeneratedImageStore
from .quadruplets import KINDS, gallery_pairs
from .report import generation_tables

QUADRUPLETS = 250
WORK = Path("runs/evaluate-generation")
PROMPTS_AT_ONCE = 8


def evaluate(profile: str, count: int = QUADRUPLETS, *, work: Path = WORK, steps: int | None = None) -> dict:
    """The figures of every seat, in the shape of `zoo/metrics.json`. `steps` None is the profile's.

    Raises SafeClipError when a seat cannot generate or the profile has no judge of scenes, ValueError when the gallery
    is too small or its captions ask for a concept that the judge lacks.
    """
    lab = safeclip.open(profile)
    generation = lab.generation
    judge = scene_judge(profile, generation)
    pairs = gallery_pairs(lab.gallery, count)
    sides = [[item for item, _ in pairs], [item for _, item in pairs]]
    asked = [[_asked(item) for item in items] for items in sides]
    _check_names(asked, judge)
    store = GeneratedImageStore(generation, work, steps=steps)
    safe, unsafe = (_scores(store, judge, [item.caption for item in items], generation) for items in sides)
    return {
        "generation": {
            **provenance("generation", profile, quadruplets=None if count == QUADRUPLETS else count, steps=steps),
            "steps": store.steps,
            "guidance": store.guidance,
            "judge": {"name": judge.name, "version": judge.version, "threshold": round(judge.threshold, 4)},
            **{
                seat: generation_figures(
                    list(zip(asked[0], safe[seat], strict=True)), list(zip(asked[1], unsafe[seat], strict=True))
                )
                for seat in generation.seats
            },
        }
    }


def scene_judge(profile: str, generation: Generation) -> SceneJudge:
    """The profile's judge of scenes. Raises ProfileError when it names none, JudgeError when it cannot be had."""
    names = [name for name in generation.spec.judges if name.startswith("scene:")]
    if not names:
        raise ProfileError(
            f"The profile “{profile}” names no judge of scenes, which tells what an image shows. "
            'Add one to it: judges = ["scene:zoo/judge"].'
        )
    return open_judge(names[0])


def _asked(item: Item) -> Asked:
    """The concepts that a gallery item's caption asks for, as the judge names them: it knows places by other names."""
    places = {place.backdrop: place.name for place in world().places}
    return Asked(item.subject, item.object, places.get(item.place, item.place), item.category)


def _check_names(asked: Sequence[Sequence[Asked]], judge: SceneJudge) -> None:
    names = {getattr(each, kind) for side in asked for each in side for kind in KINDS}
    if absent := sorted(names - judge.concepts):
        raise ValueError(f"the {judge.name} does not know {', '.join(absent)}, which the captions ask for")


def _scores(
    store: GeneratedImageStore, judge: SceneJudge, prompts: Sequence[str], generation: Generation
) -> dict[str, list[Score]]:
    """Seat key → the score of its image of each prompt; the seed of a prompt is its number."""
    scores: dict[str, list[Score]] = {seat: [] for seat in generation.seats}
    for start in range(0, len(prompts), PROMPTS_AT_ONCE):
        part = prompts[start : start + PROMPTS_AT_ONCE]
        for seat, images in store.images(part, range(start, start + len(part))).items():
            scores[seat] += judge.score(images)
        print(f"generated {start + len(part)} of {len(prompts)}", file=sys.stderr, flush=True)
    return scores


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser(__doc__, QUADRUPLETS)
    parser.add_argument("--steps", type=int, help="of denoising (default: the profile's)")
    parser.add_argument("--work", type=Path, default=WORK, help="where generated images are kept")
    options = parser.parse_args(argv)
    return run(
        "generation",
        options.output,
        lambda: evaluate(options.profile, options.quadruplets, work=options.work, steps=options.steps),
        lambda result: generation_tables(result["generation"]),
    )


if __name__ == "__main__":
    sys.exit(main())
