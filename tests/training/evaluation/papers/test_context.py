"""What an evaluation is given: embeddings of the seats that its measurements can compare."""

from safeclip.encoders.geometry import Cosine
from training.evaluation.papers.context import EvaluationContext


class Lorentz(Cosine):
    normalised = False


def test_a_seat_whose_embeddings_are_compared_by_no_cosine_is_named_and_left_out(tiny_lab, monkeypatch):
    monkeypatch.setattr(tiny_lab.encoders["safe"], "geometry", Lorentz())
    context = EvaluationContext(None, tiny_lab, tiny_lab.encoders, None)
    assert set(context.embed_texts(["a dog"])) == {"original", "ours"}
    assert "another product than the cosine" in context.failed["safe"]
