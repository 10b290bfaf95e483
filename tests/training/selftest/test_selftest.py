"""The self-test runs real processes over Gloo and writes one JSON."""

import json

import pytest

from training.cli import main


@pytest.mark.full
def test_two_processes_end_with_the_weights_of_one(tmp_path, tiny_clip, capsys):
    out = tmp_path / "selftest.json"
    command = ["selftest", "--ranks", "2", "--checkpoint", str(tiny_clip), "--batch-size", "4", "--steps", "3"]
    assert main([*command, "--out", str(out)]) == 0
    result = json.loads(out.read_text())
    assert list(result["ranks"]) == ["1", "2"] and result["ranks"]["1"]["largest_difference"] == 0
    assert result["ranks"]["2"]["equal"] and result["ranks"]["2"]["steps_per_second"] > 0
    assert "2 processes" in capsys.readouterr().out


def test_a_batch_that_cannot_be_shared_is_said(tmp_path, tiny_clip, capsys):
    command = ["selftest", "--ranks", "2", "--checkpoint", str(tiny_clip), "--batch-size", "3", "--steps", "1"]
    assert main([*command, "--out", str(tmp_path / "selftest.json")]) == 1
    assert "cannot be divided among 2 processes" in capsys.readouterr().err
