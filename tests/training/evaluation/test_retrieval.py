import json

import numpy as np
import pytest

import safeclip
from safeclip.encoders import Encoder
from tests.fakes.tiny_world import write_profile
from training.data.emoji.world.concepts import world
from training.evaluation import retrieval as evaluate
from training.evaluation import zero_shot
from training.evaluation.command import merge_into
from training.evaluation.report import retrieval_tables
from training.zoo import gallery

N = 5


@pytest.fixture(scope="module")
def profile(artwork, tiny_clip, tiny_adapter, tiny_adapter_mixed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    gallery.build(folder / "gallery", artwork, count=N)
    adapters = (tiny_adapter, tiny_adapter_mixed)
    return write_profile(folder, tiny_clip, adapters, folder / "gallery", folder / "index")


def test_figures_equal_a_naive_computation(profile, tiny_clip, artwork):
    result = evaluate.evaluate(str(profile), N, artwork)
    assert set(result["retrieval"]) == {"original", "safe", "ours"}
    items = safeclip.open(profile).gallery.items
    encoder = Encoder.from_pretrained(tiny_clip, device="cpu")
    lab = safeclip.open(profile)
    texts = encoder.encode_texts([item.caption for item in items])
    images = encoder.encode_images([lab.gallery.image(item.image_id) for item in items])
    safe, unsafe = slice(0, None, 2), slice(1, None, 2)
    hits = 0
    for i, query in enumerate(texts[unsafe]):
        scores = [float(query @ image) for image in [*images[safe], *images[unsafe]]]
        hits += scores.index(max(scores)) == i
    assert result["retrieval"]["original"]["unsafe_text_to_all_images"]["r@1"] == pytest.approx(
        100 * hits / N, abs=0.01
    )
    assert set(result["unseen_style"]) == {"style", "retrieval", "zero_shot"}


def test_a_text_tower_alone_searches_the_first_seats_images(profile):
    result = evaluate.evaluate(str(profile), N, None)
    alone = result["text_tower_alone"]
    for direction in ("text_to_image", "unsafe_text_to_all_images"):
        assert alone["original"][direction] == result["retrieval"]["original"][direction]
    lab = safeclip.open(profile)
    items = lab.gallery.items
    images = lab.encoders["original"].encode_images([lab.gallery.image(item.image_id) for item in items])
    texts = lab.encoders["safe"].encode_texts([item.caption for item in items if item.unsafe])
    winners = (texts @ images.T).argmax(axis=1)
    share = 100 * sum(not items[winner].unsafe for winner in winners) / N
    assert alone["safe"]["unsafe_text_to_all_images"]["safe_top1"] == pytest.approx(share, abs=0.01)


def test_too_small_a_gallery_is_reported(profile):
    with pytest.raises(ValueError, match=f"holds {N} quadruplets, not 1000"):
        evaluate.evaluate(str(profile), 1000, None)


def test_other_evaluations_figures_stay(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"generation": {"n": 1}, "n": 0}))
    merge_into(path, {"n": 7})
    assert json.loads(path.read_text()) == {"generation": {"n": 1}, "n": 7}


def test_tables_show_every_seat_and_are_printed(profile, tmp_path, capsys):
    output = tmp_path / "metrics.json"
    arguments = ["--profile", str(profile), "--quadruplets", str(N), "--no-unseen-style", "--output", str(output)]
    assert evaluate.main(arguments) == 0
    printed = capsys.readouterr().out
    for table in retrieval_tables(json.loads(output.read_text())):
        assert table.text() in printed
    assert "T*→V∪V* safe top-1" in printed and "ours" in printed


def test_zero_shot_prefers_the_named_concept():
    concepts = world().subjects[:3]

    class Oracle:
        """Encodes a text by which of three concepts its words belong to."""

        def encode_texts(self, texts):
            rows = [[float(any(words in text for words in concept.words)) for concept in concepts] for text in texts]
            return np.array(rows, np.float32)

    classes = zero_shot.class_embeddings(Oracle(), concepts)
    np.testing.assert_allclose(classes, np.eye(3), atol=1e-6)
    assert zero_shot.accuracy(np.eye(3)[[0, 2, 1]], classes, [0, 2, 2]) == pytest.approx(200 / 3)
