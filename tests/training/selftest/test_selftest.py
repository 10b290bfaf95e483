"""The self-test runs real processes over Gloo and writes one JSON."""

import json
import subprocess

import pytest
import torch

from training.cli import main
from training.selftest.command import TOLERANCE, relative_difference


@pytest.mark.full
def test_two_processes_end_with_the_weights_of_one(tmp_path, tiny_clip, capsys):
    out = tmp_path / "selftest.json"
    command = ["selftest", "--ranks", "2", "--checkpoint", str(tiny_clip), "--batch-size", "4", "--steps", "3"]
    assert main([*command, "--out", str(out)]) == 0
    result = json.loads(out.read_text())
    assert list(result["ranks"]) == ["1", "2"] and result["ranks"]["1"]["largest_difference"] == 0
    assert result["ranks"]["2"]["equal"] and result["ranks"]["2"]["relative_difference"] < TOLERANCE
    assert result["ranks"]["2"]["steps_per_second"] > 0
    assert "2 processes" in capsys.readouterr().out


def test_a_batch_that_cannot_be_shared_is_said(tmp_path, tiny_clip, capsys):
    command = ["selftest", "--ranks", "2", "--checkpoint", str(tiny_clip), "--batch-size", "3", "--steps", "1"]
    assert main([*command, "--out", str(tmp_path / "selftest.json")]) == 1
    assert "cannot be divided among 2 processes" in capsys.readouterr().err


def test_weights_are_compared_by_the_norms_of_their_matrices():
    reference = {"A": torch.full((16, 64), 0.04), "B": torch.full((64, 16), 0.008)}
    rounded = {name: each.clone() for name, each in reference.items()}
    rounded["A"][0, 0] += 2e-5  # of a weight whose gradient is nearly zero
    assert relative_difference(reference, reference) == 0
    assert relative_difference(rounded, reference) == pytest.approx(2e-5 / (0.04 * 32), rel=1e-2) and (
        relative_difference(rounded, reference) < TOLERANCE
    )
    halved = reference | {"B": reference["B"] / 2}
    assert relative_difference(halved, reference) == pytest.approx(0.5)
    assert relative_difference(reference, reference | {"B": torch.zeros(64, 16)}) > TOLERANCE


def test_the_error_of_a_run_is_said_and_not_the_report_of_torchrun(tmp_path, tiny_clip, monkeypatch, capsys):
    printed = "safeclip-train: there is no GPU 7.\nE1202 failed (exitcode: 1)\nChildFailedError:\n=======\n"
    failed = subprocess.CompletedProcess((), 1, stderr=printed)
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: failed)
    command = ["selftest", "--checkpoint", str(tiny_clip), "--out", str(tmp_path / "selftest.json")]
    assert main(command) == 1
    assert capsys.readouterr().err.strip().endswith("processes failed: safeclip-train: there is no GPU 7.")
