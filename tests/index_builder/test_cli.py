import json
import os
import signal
import subprocess
import sys

import pytest

import index_builder.verify
from index_builder.cli import main
from index_builder.commands import COMMANDS


@pytest.fixture
def command(run, tiny_profile, tmp_path, tiny_encoders, monkeypatch):
    """`main` with the tiny profile and shared encoders (that `run` put in place)."""
    monkeypatch.setattr(index_builder.verify, "EncoderSet", lambda seats, device: tiny_encoders)
    return lambda *flags: main([*map(str, flags), "--profile", str(tiny_profile)])


def test_build_then_verify(command, tmp_path, rows, gallery_of, capsys):
    index, gallery = tmp_path / "index", gallery_of(rows)
    flags = ["--gallery", gallery, "--output", index, "--shard-rows", 5, "--batch-size", 3, "--device", "cpu"]
    assert command("build", *flags, "--factory", "IDMap,Flat", "--near", 0.98) == 0
    out, err = capsys.readouterr()
    assert "images: 12 unique, 12 embedded now" in out and "index ours: 12 images, 12 captions" in out
    assert "images: 12 of 12" in err and "assembling" in err
    report = json.loads((index / "build_report.json").read_text())
    assert report["indexes"]["safe"]["factory"] == "IDMap,Flat" and report["near_duplicates"]["threshold"] == 0.98
    assert set(report["seconds"]) >= {"scan", "embed images", "embed captions", "assemble", "total"}
    assert command("verify", index, "--gallery", gallery) == 0
    assert capsys.readouterr().out.count("ok, 12 of 12 images, 12 of 12 captions") == 3
    (index / "safe" / "images.faiss").write_bytes(b"")
    assert command("verify", index, "--gallery", gallery) == 1
    assert "safe: FAULT" in capsys.readouterr().out
    assert command(*flags, "--quiet", "--remove", rows[0]["image_id"], rows[0]["caption_id"]) == 0
    out, err = capsys.readouterr()
    assert "1 removed" in out and err == ""


def test_a_fault_is_one_line_and_an_exit_status(command, tmp_path, capsys):
    assert command("--gallery", tmp_path, "--output", tmp_path / "index") == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ") and "index_builder import" in err and err.count("\n") == 1


def test_a_profile_without_retrieval_needs_both_places(tiny_profile, tmp_path, capsys):
    text = tiny_profile.read_text().split("[retrieval]")[0]
    (tmp_path / "bare.toml").write_text(text)
    assert main(["--profile", str(tmp_path / "bare.toml")]) == 1
    assert "give --gallery and --output" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"], program="safeclip-index")
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: safeclip-index {name}" in shown and COMMANDS[name].SUMMARY.split()[0] in shown


def test_help_lists_the_commands(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command.SUMMARY in shown for command in COMMANDS.values())


def test_help_does_not_wait_for_torch():
    code = "import sys; from index_builder.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_sigterm_ends_a_command_as_ctrl_c_does(monkeypatch, capsys):
    monkeypatch.setattr(COMMANDS["info"], "run", lambda options: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    assert main(["info"]) == 130
    assert "Give the same command again" in capsys.readouterr().err and signal.getsignal(signal.SIGTERM) is before


def test_a_file_that_cannot_be_written_is_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(COMMANDS["info"], "run", lambda options: (tmp_path / "absent" / "file").write_text(""))
    assert main(["info"]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'absent' / 'file'}: No such file or directory.\n"


def test_an_unknown_command_is_named(capsys):
    assert main(["biuld", "--profile", "emoji"]) == 2
    assert "no command 'biuld'. Commands: import, build" in capsys.readouterr().err
