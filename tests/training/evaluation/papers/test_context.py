"""What an evaluation compares by: the geometry of each seat's encoder."""

from pathlib import Path

import pytest

from safeclip.encoders.geometry import Cosine
from tests.fakes.own_quadruplets import write_own_quadruplets
from training.data.quadruplets.folder import FolderSpec
from training.data.sources import DataSpec
from training.engine.options import RunOptions
from training.evaluation.papers.context import EvaluationContext
from training.evaluation.papers.measurements.quadruplets import measure
from training.evaluation.papers.spec import EvaluationSpec, QuadrupletsSpec


class Reversed(Cosine):
    """The farthest is the nearest."""

    def as_query(self, embeddings, modality):
        return -embeddings


@pytest.fixture
def measured(tiny_lab, tmp_path):
    folder = write_own_quadruplets(tmp_path / "own", {"validation": 5})
    rows = (folder / "validation.jsonl").read_text().splitlines()
    (folder / "validation.jsonl").write_text("\n".join([*rows, rows[0]]) + "\n")
    spec = EvaluationSpec("tiny", quadruplets=QuadrupletsSpec(DataSpec(folder=FolderSpec(str(folder))), "validation"))

    def measured() -> dict:
        options = RunOptions(tmp_path / "out", Path("artwork"), device="cpu")
        return measure(EvaluationContext(spec, tiny_lab, tiny_lab.encoders, options))

    return measured


def test_each_seat_is_compared_by_its_own_geometry(measured, tiny_lab, monkeypatch):
    before = measured()
    monkeypatch.setattr(tiny_lab.encoders["safe"], "geometry", Reversed())
    after = measured()
    assert after["retrieval"]["original"] == before["retrieval"]["original"]
    for name in ("P_tu", "P_vu", "P_ts", "P_vs"):
        assert after["paired"]["safe"][name] == pytest.approx(100 - before["paired"]["safe"][name])
    for figure in ("retrieval", "safeground", "by_category"):
        assert after[figure]["safe"] != before[figure]["safe"]


def test_a_quadruplet_whose_safe_image_or_text_came_before_is_left_out(measured):
    found = measured()
    assert (found["n"], found["repeated"]) == (5, 1)
