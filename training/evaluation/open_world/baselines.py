"""The rows that tune no encoder: a dictionary, classifiers before it, judges as filters, and chance."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...data.open_world.sets.dictionary import Dictionary
from ...data.open_world.splits import splits
from .classifiers import HeadJudge, NgramClassifier, best_threshold
from .held_out import HeldOut
from .painted import Easel
from .rows import EncoderRow, FilteredRow, KeptEncoder, RandomRow, Row
from .training_set import TrainingSet

CHOSEN_ON = ("seen", "contextual", "unseen_concepts")  # validation splits that thresholds are chosen on
RANDOM_SEEDS = 5


@dataclass(frozen=True)
class Budget:
    """What baselines may use: training quadruplets, validation quadruplets of a split, and thresholds to try.

    `trials` is to be the number of settings that were tried for the tuned encoders.
    """

    training: TrainingSet
    validation: int
    trials: int

    @property
    def how(self) -> str:
        return f"/{self.training.how}/{self.validation}/{self.trials}"


class Baselines:
    """Makes the rows on top of the original encoder. Nothing is drawn or trained before a row asks for it."""

    def __init__(self, original: KeptEncoder, easel: Easel, budget: Budget):
        self._original, self._easel, self._budget = original, easel, budget
        self._training = budget.training
        self._dictionary = Dictionary.of(splits())

    def makers(self) -> dict[str, list[Callable[[], Row]]]:
        """Row → what makes it, once for each seed."""
        return {
            "dictionary": [lambda: EncoderRow(self._original, self._dictionary.replace, "/dictionary")],
            "bag_of_words": [lambda: self._ngrams(1)],
            "bigrams": [lambda: self._ngrams(2)],
            "text_filter": [self._text_filter],
            "image_filter": [self._image_filter],
            "random": [lambda seed=seed: RandomRow(seed) for seed in range(RANDOM_SEEDS)],
        }

    def _ngrams(self, longest: int) -> Row:
        classifier = NgramClassifier.train(self._training.texts, self._training.labels, longest)
        texts, unsafe = self._validation_texts()
        classifier.threshold = best_threshold(classifier.scores(texts), unsafe, self._budget.trials)

        def rewrite(text: str) -> str:
            return classifier.rewrite(text, self._dictionary.replace)

        return EncoderRow(self._original, rewrite, f"/ngrams-{longest}{self._budget.how}")

    def _text_filter(self) -> Row:
        judge = HeadJudge.train(self._original.texts(self._training.texts), self._training.labels)
        texts, unsafe = self._validation_texts()
        judge.threshold = best_threshold(judge.scores(self._original.texts(texts)), unsafe, self._budget.trials)
        return FilteredRow(self._original, f"/text_filter{self._budget.how}", flags_text=judge.flags)

    def _image_filter(self) -> Row:
        points = [self._original.images(part) for part in self._training.images()]
        judge = HeadJudge.train(np.concatenate(points), self._training.labels)
        sides = [(each.images, each.unsafe_images) for each in self._validation()]
        points = [self._original.images(side) for pair in sides for side in pair]
        unsafe = np.repeat([False, True] * len(sides), [len(each) for each in points])
        judge.threshold = best_threshold(judge.scores(np.concatenate(points)), unsafe, self._budget.trials)
        return FilteredRow(self._original, f"/image_filter{self._budget.how}", flags_image=judge.flags)

    def _validation(self) -> list[HeldOut]:
        return [HeldOut.draw(split, "validation", self._budget.validation, self._easel) for split in CHOSEN_ON]

    def _validation_texts(self) -> tuple[list[str], np.ndarray]:
        texts: list[str] = []
        labels: list[bool] = []
        for each in self._validation():
            texts += [*each.texts, *each.unsafe_texts]
            labels += [False] * len(each) + [True] * len(each)
        return texts, np.array(labels)
