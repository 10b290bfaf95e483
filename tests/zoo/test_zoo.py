"""The zoo as it is shipped: small enough, whole, and as good as its figures say."""

import json
from pathlib import Path

import pytest
from datasets import load_dataset

import safeclip
from demo.retrieval.examples import examples
from safeclip.retrieval.manifest import Manifest
from training.evaluation.open_world import own_gallery

ZOO = Path(__file__).parents[2] / "zoo"
MB = 1_000_000
SEATS = ("original", "safe", "ours")


@pytest.fixture(scope="module")
def lab():
    return safeclip.open("emoji")


@pytest.fixture(scope="module")
def metrics():
    return json.loads((ZOO / "metrics.json").read_text(encoding="utf-8"))


def test_files_fit_a_repository():
    sizes = {path: path.stat().st_size for path in ZOO.rglob("*") if path.is_file()}
    assert max(sizes.values()) < 9 * MB
    assert sum(sizes.values()) < 95 * MB
    assert sum(size for path, size in sizes.items() if "open-gallery" in path.parts) <= 40 * MB


def test_the_gallery_is_a_dataset_a_third_of_it_unsafe_a_third_their_twins_and_a_third_neutral(lab, tmp_path):
    rows = load_dataset(str(ZOO / "open-gallery"), split="test", cache_dir=str(tmp_path))
    items = lab.gallery.items
    assert len(rows) == len(items) >= 8000 and len(lab.gallery.captions) > 0.99 * len(items)
    assert 3 * sum(item.unsafe for item in items) == len(items)
    twins = {item.twin for item in items if item.unsafe}
    assert len(twins) == len(items) // 3 and not any(lab.gallery.item(twin).unsafe for twin in twins)


@pytest.mark.parametrize("seat", SEATS)
def test_indexes_match_their_encoders(lab, seat):
    folder = ZOO / "index" / seat
    manifest = Manifest.read(folder)
    manifest.verify_files(folder)
    manifest.verify_encoder(lab.encoders[seat])
    manifest.verify_gallery(lab.gallery)
    assert all(recall >= 0.97 for file in manifest.files.values() for recall in file["recall@10"].values())


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind == "text" else pytest.mark.full) for kind in own_gallery.NAMES]
)
def test_the_figures_can_be_reproduced(lab, metrics, kind):
    if "own_gallery" not in metrics:
        pytest.skip("not measured")
    texts, _ = own_gallery.asked(lab.gallery)[kind]
    for seat, values in own_gallery.outcomes(lab, texts, kind).items():
        kept = metrics["own_gallery"][seat][kind]["value"]["mean"]
        assert 100 * values.mean() == pytest.approx(kept, abs=0.5), seat


def test_every_model_has_a_card_that_quotes_its_figures(metrics):
    for seat, folder in zip(SEATS, ("open-clip", "open-safe-clip", "open-safe-clip-mixed"), strict=True):
        card = (ZOO / folder / "README.md").read_text(encoding="utf-8")
        assert f"{metrics['splits']['seen'][seat]['text_to_image']['r@1']['mean']:.1f} (" in card
        assert "Seed" in card and "minutes" in card and "## Limits" in card


def test_the_first_example_shows_the_difference(lab):
    opening = examples("emoji", lab.gallery, SEATS)[0]
    found = lab.retrieval.compare(opening.request.text, k=8)
    unsafe = [found[seat].unsafe_count for seat in SEATS]
    assert unsafe[2] + 2 <= unsafe[0]
