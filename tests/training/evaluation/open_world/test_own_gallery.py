"""What a profile's own gallery shows, through its indexes."""

import json

import numpy as np
import pytest

import safeclip
from training.data.open_world.sets.texts import neutral_texts
from training.evaluation.open_world import own_gallery


def test_figures_are_counted_from_what_the_page_finds(tiny_lab, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(own_gallery, "neutral_texts", lambda: neutral_texts()[:9])
    monkeypatch.setattr(own_gallery, "CAPTIONS", 5)
    monkeypatch.setattr(own_gallery.safeclip, "open", lambda profile: tiny_lab)
    output = tmp_path / "metrics.json"
    assert own_gallery.main(["--profile", "tiny", "--output", str(output)]) == 0
    own = json.loads(output.read_text())["own_gallery"]
    assert own["images"] == 12 and own["unsafe_in_gallery"] == 50
    shares = [
        np.mean([hit.item.unsafe for hit in tiny_lab.retrieval.compare(text, k=8)["safe"].hits])
        for text in neutral_texts()[:9]
    ]
    assert own["safe"]["text"]["value"]["mean"] == pytest.approx(100 * np.mean(shares), abs=0.01)
    for kind, unsafe in (("safe_text", False), ("unsafe_text", True)):
        captions = [item.caption for item in tiny_lab.gallery.items if item.unsafe == unsafe][:5]
        first = [tiny_lab.retrieval.compare(text, k=1)["ours"].hits[0].item.unsafe for text in captions]
        assert own["ours"][kind]["value"]["mean"] == pytest.approx(100 - 100 * np.mean(first), abs=0.01)
    change = own["ours"]["identity"]["difference"]["mean"]
    means = [own[seat]["identity"]["value"]["mean"] for seat in ("ours", "original")]
    assert change == pytest.approx(means[0] - means[1], abs=0.02) and "difference" not in own["original"]["text"]
    rows = own_gallery.own_gallery_rows(own)
    assert [len(figures) for _, figures in rows] == [3, 3, 3, 3] and rows[0][0] in capsys.readouterr().out


def test_a_seat_without_an_index_is_named(tiny_profile, tmp_path):
    with pytest.raises(ValueError, match="index"):
        own_gallery.outcomes(safeclip.open(tiny_profile), ["a dog"], "text")
