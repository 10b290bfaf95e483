"""The key of what is asked, by which outcomes are found again."""

from dataclasses import replace
from itertools import count

from training.evaluation.open_world.held_out import HeldOut, HeldOutSets
from training.evaluation.open_world.painted import Easel


class Shuffled(frozenset):
    """A set whose text is another at every look, as a frozenset's is in every process."""

    looks = count()

    def __repr__(self) -> str:
        return f"{next(self.looks)}"


def shuffled(each):
    """A quadruplet or pair with such sets."""
    captions = {name: getattr(each, name) for name in ("safe_caption", "unsafe_caption")}
    changed = {name: replace(caption, facets=Shuffled(caption.facets)) for name, caption in captions.items()}
    return replace(each, changed=Shuffled(each.changed), **changed)


def test_outcomes_are_found_again_by_another_process(tmp_path):
    easel = Easel(tmp_path, tmp_path)
    sets = HeldOutSets.draw(2, easel)
    neutral = sets.neutral
    pairs = [
        [pair._replace(caption=replace(pair.caption, facets=Shuffled(pair.caption.facets))) for pair in side]
        for side in (neutral.asked, neutral.shown)
    ]
    sentences = tuple(replace(each, relevant=Shuffled(each.relevant)) for each in neutral.sentences)
    again = HeldOutSets(
        {name: HeldOut([shuffled(each) for each in split.quadruplets], easel) for name, split in sets.splits.items()},
        replace(neutral, asked=pairs[0], shown=pairs[1], sentences=sentences),
    )
    assert again.key == sets.key
    assert HeldOutSets.draw(2, easel, "validation").key != sets.key
