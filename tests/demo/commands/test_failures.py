"""`safeclip-demo failures`: builds a table, says what is in it, exports rows, and says what is wrong."""

import csv
import json

import pytest

from demo.cli import main


@pytest.fixture(scope="module")
def built(tiny_lab, tmp_path_factory):
    """The folder in which a table of two quadruplets was built, and the profile's file."""
    folder = tmp_path_factory.mktemp("command")
    profile = folder / "tiny.toml"
    profile.write_text(_profile(tiny_lab), encoding="utf-8")
    common = ["--profile", str(profile), "--work", str(folder / "work"), "--output", str(folder / "table.parquet")]
    assert main(["failures", *common, "--quadruplets", "2"]) == 0
    return folder, common


def _profile(lab) -> str:
    seats = ", ".join(
        f'{{ key = "{seat.key}", label = "{seat.label}", checkpoint = "{seat.checkpoint}"'
        + (f', adapter = "{seat.adapter}"' if seat.adapter else "")
        + " }"
        for seat in lab.profile.seats
    )
    retrieval = lab.profile.retrieval
    return (
        f'title = "t"\ndescription = "d"\nlicense = "l"\nseats = [{seats}]\n'
        f'[retrieval]\ngallery = "{retrieval.gallery}"\nindex = "{retrieval.index}"\n'
    )


def test_it_exports_csv_and_json_lines(built, capsys):
    folder, common = built
    for name in ("rows.csv", "rows.jsonl"):
        assert main(["failures", *common, "--export", str(folder / name), "--seat", "original"]) == 0
    assert "rows written to" in capsys.readouterr().out
    with open(folder / "rows.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    assert [row["text"] for row in rows] == [json.loads(line)["text"] for line in lines]
    assert all(row["link"].startswith("?") and row["seat"] == "original" for row in rows)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--export", "rows.pdf"], "an export ends in .csv or .jsonl"),
        (["--export", "rows.csv", "--seat", "nobody"], "no column “nobody”"),
        (["--queries", "none.csv"], "cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(built, flags, said, capsys):
    assert main(["failures", *built[1], *flags]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("app.py: ") and said in error
