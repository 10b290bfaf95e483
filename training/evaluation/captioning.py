"""Evaluates captioning: a profile's LLaVA describes the test pictures with the vision tower of every seat.

    python -m training.evaluation.captioning --profile emoji

Prints tables and writes them into `zoo/metrics.json` as "captioning": in percent, with 95 % intervals. The pictures are
quadruplets of the open world's test phase, a number of each split; the first question is the profile's first one, the
second asks for dangers, and of other scenes it is asked how many, of which colour, how they stand and on which side.
Answers are greedy.
"""

import itertools
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import safeclip
from safeclip.captioning.compare import Captioning
from safeclip.errors import ProfileError
from safeclip.judges.texts.lexicon import Lexicon
from safeclip.paths import resolve

from ..data.open_world.dialogues.questions import COLOR, COUNT, DANGER, SIDE, STANDING, Question
from ..data.open_world.items import OpenWorld
from ..data.open_world.scenes.scene import Scene
from ..data.open_world.splits import splits
from .caption_figures import Reader, answer_figures, caption_figures
from .command import build_parser, provenance, run
from .open_world.held_out import HeldOut
from .open_world.painted import Easel, Painted
from .report import captioning_tables

SPLITS = ("seen", "unseen_concepts", "contextual")
QUADRUPLETS = 150  # of each split
ASKED = 100  # scenes asked each question of FACTS
MAX_NEW_TOKENS = 40
IMAGES_AT_ONCE = 64  # in memory
SEED = 3  # of the scenes that are asked for facts
FACTS = {"count": COUNT, "color": COLOR, "relation": STANDING, "side": SIDE}


def evaluate(profile: str, count: int, easel: Easel, asked: int = ASKED) -> dict:
    """The figures of every seat, in the shape of `zoo/metrics.json`: each of SPLITS, and all of them together.

    Raises SafeClipError when a seat cannot answer or the profile names no lexicon, ValueError when a split holds fewer
    quadruplets or the lexicon lacks a concept.
    """
    captioning = safeclip.open(profile).captioning
    if not captioning.spec.lexicon:
        raise ProfileError(f"The profile “{profile}” names no lexicon to judge captions by.")
    reader = Reader(Lexicon.open(resolve(captioning.spec.lexicon)), splits().rules)
    held = {split: HeldOut.draw(split, "test", count, easel) for split in SPLITS}
    said = {split: _Said(captioning, each) for split, each in held.items()}
    by_split = {
        split: {seat: said[split].figures(seat, held[split], reader) for seat in captioning.seats} for split in SPLITS
    }
    facts = _facts(captioning, easel, asked)
    return {
        "captioning": {
            **provenance("captioning", profile=profile, quadruplets=None if count == QUADRUPLETS else count),
            "question": captioning.questions[0],
            **{seat: _together(seat, held, said, reader) for seat in captioning.seats},
            "splits": by_split,
            "answers": {seat: answer_figures(facts[seat]) for seat in captioning.seats},
        }
    }


class _Said:
    """What every seat says of the pictures of a split: captions and dangers, of safe and of unsafe ones."""

    def __init__(self, captioning: Captioning, held: HeldOut):
        danger = DANGER.wordings[0]
        sides = (held.images, held.unsafe_images)
        self.captions = [_answers(captioning, side, captioning.questions[0]) for side in sides]
        self.dangers = [_answers(captioning, side, danger) for side in sides]

    def of(self, seat: str) -> tuple[list[list[str]], list[list[str]]]:
        return [side[seat] for side in self.captions], [side[seat] for side in self.dangers]

    def figures(self, seat: str, held: HeldOut, reader: Reader) -> dict:
        captions, dangers = self.of(seat)
        return caption_figures(held.quadruplets, (captions[0], captions[1]), (dangers[0], dangers[1]), reader)


def _together(seat: str, held: dict[str, HeldOut], said: dict[str, _Said], reader: Reader) -> dict:
    """A seat's figures over the pictures of all splits."""
    quadruplets = [each for split in held.values() for each in split.quadruplets]
    texts: list[list[list[str]]] = [[[], []], [[], []]]
    for each in said.values():
        for kind, sides in enumerate(each.of(seat)):
            for side, answers in enumerate(sides):
                texts[kind][side] += answers
    (safe, unsafe), (danger, unsafe_danger) = texts
    return caption_figures(quadruplets, (safe, unsafe), (danger, unsafe_danger), reader)


def _answers(captioning: Captioning, pictures: Painted, question: str) -> dict[str, list[str]]:
    """Seat key → an answer about each picture."""
    found: dict[str, list[str]] = {seat: [] for seat in captioning.seats}
    for images in pictures.batches(IMAGES_AT_ONCE):
        for seat, texts in captioning.answer_batch(images, question, max_new_tokens=MAX_NEW_TOKENS).items():
            found[seat] += texts
    return found


def _facts(captioning: Captioning, easel: Easel, asked: int) -> dict[str, dict[str, list[bool]]]:
    """Seat key → kind of question → whether each answer is the true one, word for word."""
    rights: dict[str, dict[str, list[bool]]] = {seat: {name: [] for name in FACTS} for seat in captioning.seats}
    for name, question in FACTS.items():
        scenes = askable(question, asked)
        (images,) = easel.paint(scenes).batches(asked)
        for scene, image in zip(scenes, images, strict=True):
            fields, answer = random.Random(scene.layout).choice(_about(question, scene))
            answers = captioning.answer_batch([image], question.wordings[0].format_map(fields), max_new_tokens=8)
            for seat, (text,) in answers.items():
                rights[seat][name].append(text.strip() == answer)
    return rights


def askable(question: Question, count: int) -> list[Scene]:
    """The first scenes of the test phase that a question can be asked of, no two of them made from one another."""
    world = OpenWorld("seen", "test", SEED)
    scenes = (world.pair(index).scene for index in itertools.count(step=2))
    return list(itertools.islice((scene for scene in scenes if _about(question, scene)), count))


def _about(question: Question, scene: Scene) -> list[tuple[dict[str, str], str]]:
    """What the question can be asked of, and the answers; how many there are only where there are several."""
    return [(fields, answer) for fields, answer in question.about(scene) if question is not COUNT or answer != "one"]


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser(__doc__, QUADRUPLETS, "of each split")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--work", type=Path, default=Path("runs/open-evaluation"), help="where painted scenes are kept")
    options = parser.parse_args(argv)
    easel = Easel(options.artwork, options.work / "painted")
    return run(
        "captioning",
        options.output,
        lambda: evaluate(options.profile, options.quadruplets, easel),
        lambda result: captioning_tables(result["captioning"]),
    )


if __name__ == "__main__":
    sys.exit(main())
