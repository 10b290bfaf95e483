"""What `--dry-run` counts, and that it writes nothing."""

import pytest

from index_builder.cli import main
from index_builder.measuring.rates import WARM_UP
from tests.index_builder.images import noise


def files(folder) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_build_is_counted_and_changes_nothing(world, tmp_path, capsys):
    more = tmp_path / "more"
    more.mkdir()
    (more / "new.png").write_bytes(noise(20))
    (more / "bad.png").write_bytes(b"")
    assert main(["import", str(more), str(world.gallery), "--judges", "none", "--quiet"]) == 0
    before = files(tmp_path)
    capsys.readouterr()
    assert world.command("build", "--dry-run", "--sources", more, "--judges", "none") == 0
    shown = capsys.readouterr().out
    assert "2 images, of the first 2 50% usable" in shown
    assert "images: 9, of which 1 are to be embedded" in shown and "captions: 7, of which 0 are" in shown
    assert "in memory 0.0 MB" in shown and "s of embedding" in shown
    assert files(tmp_path) == before


def test_a_build_of_sources_that_are_not_imported_yet_is_counted(world, tiny_profile, tmp_path, capsys):
    places = ["--sources", world.images, "--gallery", tmp_path / "none", "--output", tmp_path / "none"]
    assert main(["build", "--dry-run", *map(str, places), "--judges", "none", "--profile", str(tiny_profile)]) == 0
    shown = capsys.readouterr().out
    assert "images: 8, of which 8 are to be embedded" in shown and "captions: 8, of which 8" in shown
    assert "0.0 MB for the largest seat's" in shown and not (tmp_path / "none").exists()


def test_an_import_is_counted_and_writes_nothing(world, tmp_path, capsys):
    assert main(["import", str(world.images), str(tmp_path / "new"), "--judges", "none", "--dry-run"]) == 0
    assert "8 images, of the first 8 100% usable" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("images", [3, 8])
def test_rates_are_measured_alone_and_together(world, images, capsys):
    import json

    path = world.output / "rates.json"
    assert world.command("bench", "--images", images, "--rounds", 2, "--workers", 0, "--json", path) == 0
    shown = capsys.readouterr().out
    assert all(stage in shown for stage in ("decode", "prepare", "forward", "together"))
    figures = json.loads(path.read_text())
    assert {stage: spent["images"] for stage, spent in figures["alone"].items()} == dict.fromkeys(
        ("decode", "prepare", "forward"), images
    )
    together = figures["together"]  # with what of the warm-up was on its way when the clock started
    assert 2 * images <= together["images"] < 2 * images + WARM_UP and together["cpu_seconds"] > 0
    assert figures["allowed_per_second"] > 0 and figures["widths"].keys() == {"original", "safe", "ours"}
