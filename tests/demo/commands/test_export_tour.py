"""safeclip-demo export-tour."""

import pytest

from demo import cli
from demo.commands import COMMANDS


def test_the_tour_of_a_profile_is_written(tiny_lab, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("safeclip.open", lambda profile: tiny_lab)
    file = tmp_path / "tour.html"
    assert cli.main(["export-tour", str(file), "--link", "https://example.org"], program="safeclip-demo") == 0
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert f"{file}: 4 stops" in capsys.readouterr().out


def test_an_unknown_profile_is_one_line(tmp_path, capsys):
    assert cli.main(["export-tour", str(tmp_path / "x.html"), "--profile", "nowhere"], program="safeclip-demo") == 2
    assert capsys.readouterr().err.startswith("safeclip-demo: There is no profile “nowhere”")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_sub_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"], program="safeclip-demo")
    assert stop.value.code == 0 and f"usage: safeclip-demo {name}" in capsys.readouterr().out


def test_the_help_of_the_page_names_them(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "export-tour" in capsys.readouterr().out
