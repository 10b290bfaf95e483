import numpy as np

from training.data.open_world.items import OpenWorld
from training.data.open_world.sets.texts import free_sentences
from training.evaluation.free_text import free_text_figures, understood


def test_what_is_understood_is_that_of_a_naive_loop():
    rng = np.random.default_rng(0)
    sentences, captions = (rng.standard_normal((n, 4)) for n in (11, 17))
    relevant = rng.random((11, 17)) < 0.2
    hits = []
    for sentence, wanted in zip(sentences, relevant, strict=True):
        best = sorted(range(17), key=lambda j: -(captions[j] @ sentence))[:5]
        hits.append(any(wanted[j] for j in best))
    scores = sentences @ captions.T
    assert understood(scores, relevant).tolist() == hits
    assert (understood(scores, relevant, k=17) == relevant.any(1)).all()


def test_an_encoder_that_knows_what_is_relevant_finds_all_that_can_be_found():
    world = OpenWorld("seen", "test", 0)
    pairs = [world.pair(index) for index in range(60)]
    scenes = {pair.caption.text: pair.scene for pair in pairs}
    sentences = {sentence.text: sentence for sentence in free_sentences()}

    def oracle(texts: list[str]) -> np.ndarray:
        """A dimension for each sentence: 1 in a sentence's own, and in those of the sentences a caption answers."""
        rows = np.zeros((len(texts), len(sentences)))
        for row, text in zip(rows, texts, strict=True):
            for column, sentence in enumerate(sentences.values()):
                row[column] = text == sentence.text or (text in scenes and sentence.found_in(scenes[text]))
        return rows

    figures = free_text_figures({"oracle": oracle, "blind": lambda texts: np.zeros((len(texts), 2))}, captions=60)
    assert (figures["sentences"], figures["captions"], figures["k"]) == (len(sentences), 60, 5)
    assert 0 < figures["blind"] < figures["oracle"] == figures["possible"] < 100
