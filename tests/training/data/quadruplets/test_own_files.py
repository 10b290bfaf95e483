"""Quadruplets of one's own: folders with a table, and Parquet files."""

import csv
import json
from pathlib import Path

import pytest
from datasets import Dataset, Features, Image, Value
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.quadruplet_files import save_image
from tests.fakes.toy_recipes import toy_options
from training.data.quadruplets.folder import FolderSpec
from training.data.quadruplets.parquet import ParquetSpec
from training.data.quadruplets.repeats import say_repeated
from training.data.quadruplets.rows import in_split
from training.data.sources import DataSpec, DrawnSpec, OpenWorldSpec, open_source
from training.errors import DataError


def table(folder: Path, numbers: range) -> list[dict[str, str]]:
    rows = []
    for number in numbers:
        for kind in ("safe", "unsafe"):
            save_image(folder / "images" / f"{kind}-{number}.png", number + 500 * (kind == "unsafe"))
        rows.append(
            {
                "text": f"a cat {number}",
                "unsafe_text": f"a bad cat {number}",
                "image": f"images/safe-{number}.png",
                "unsafe_image": f"images/unsafe-{number}.png",
                "category": "violence",
            }
        )
    return rows


def write_lines(path: Path, rows: list) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def opened(spec: DataSpec, split: str, tmp_path: Path):
    return open_source(spec, split, toy_options(tmp_path / "run", tmp_path))


def test_a_folder_with_a_table_for_each_split(tmp_path):
    rows = table(tmp_path, range(8))
    write_lines(tmp_path / "train.jsonl", [*rows[:3], {**rows[3], "image": "images/gone.png"}, "no row", *rows[4:6]])
    (tmp_path / "train.jsonl").write_text((tmp_path / "train.jsonl").read_text() + "{torn\n")
    with (tmp_path / "validation.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows([*rows[6:], {**rows[6], "unsafe_text": ""}])
    spec = DataSpec(folder=FolderSpec(str(tmp_path)))
    train, validation = (opened(spec, split, tmp_path) for split in ("train", "validation"))
    assert [train.item(i).text for i in range(len(train))] == [f"a cat {i}" for i in (0, 1, 2, 4, 5)]
    assert [(each.id, each.reason) for each in train.skipped] == [
        ("train.jsonl, row 4", "image is missing"),
        ("train.jsonl, row 5", "it has no fields"),
        ("train.jsonl, row 8", "it has no fields"),
    ]
    assert [validation.item(i).unsafe_text for i in range(2)] == ["a bad cat 6", "a bad cat 7"]
    assert [each.reason for each in validation.skipped] == ["unsafe text is empty"]
    assert validation.item(0).category == "violence"
    assert train.item(0).image.tobytes() != train.item(0).unsafe_image.tobytes()


def test_an_undivided_table_is_divided_by_its_texts(tmp_path):
    rows = table(tmp_path, range(60))
    write_lines(tmp_path / "quadruplets.jsonl", rows)
    spec = DataSpec(folder=FolderSpec(str(tmp_path), held_out=0.3))

    def texts(split: str) -> set[str]:
        source = opened(spec, split, tmp_path)
        return {source.safe_pair(i)[0] for i in range(len(source))}

    train, validation = texts("train"), texts("validation")
    assert train | validation == {row["text"] for row in rows} and not train & validation
    assert 8 <= len(validation) <= 28
    write_lines(tmp_path / "quadruplets.jsonl", rows[:40])
    assert texts("train") <= train


def test_rows_that_no_text_or_path_can_be_are_left_out(tmp_path):
    rows = table(tmp_path, range(3))
    bad = [{**rows[0], "text": "half a pair \ud83d"}, {**rows[0], "image": "images/\0.png"}]
    write_lines(tmp_path / "train.jsonl", [*bad, *rows[1:2]])
    odd = json.dumps({**rows[2], "text": "two\u2028lines"}, ensure_ascii=False)
    (tmp_path / "train.jsonl").write_text((tmp_path / "train.jsonl").read_text() + odd, encoding="utf-8")
    found = opened(DataSpec(folder=FolderSpec(str(tmp_path))), "train", tmp_path)
    assert [found.safe_pair(i)[0] for i in range(len(found))] == ["a cat 1", "two\u2028lines"]
    assert [each.reason for each in found.skipped] == ["text is no text", "image is missing"]


def test_a_table_of_excel_is_read(tmp_path):
    rows = table(tmp_path, range(2))
    with (tmp_path / "train.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    assert len(opened(DataSpec(folder=FolderSpec(str(tmp_path))), "train", tmp_path)) == 2


@pytest.mark.parametrize(
    "content, said",
    [
        ("text,image\ncaf\u00e9,a".encode("latin-1"), "train.csv: this is not text in UTF-8.*Save it as UTF-8"),
        (b"text\n" + b"x" * 200_000, "train.csv: this is no CSV: field larger than"),
        (b"caption,picture\na cat,a.png\n", "train.csv, row 1: text is missing .*“text”, only caption, picture"),
    ],
    ids=["latin", "long", "columns"],
)
def test_a_table_that_cannot_be_read_is_said(tmp_path, content, said):
    (tmp_path / "train.csv").write_bytes(content)
    with pytest.raises(DataError, match=said):
        opened(DataSpec(folder=FolderSpec(str(tmp_path))), "train", tmp_path)


def test_an_image_that_goes_after_the_check_is_named_with_its_row(tmp_path):
    write_lines(tmp_path / "train.jsonl", table(tmp_path, range(3)))
    source = opened(DataSpec(folder=FolderSpec(str(tmp_path))), "train", tmp_path)
    (tmp_path / "images" / "unsafe-1.png").unlink()
    (tmp_path / "images" / "safe-2.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"train.jsonl, row 2: .*unsafe-1.png could be read before .*No such file"):
        source.item(1)
    with pytest.raises(DataError, match=r"train.jsonl, row 3: .*safe-2.png could be read before"):
        source.safe_pair(2)


def test_why_a_row_is_left_out_tells_the_empty_from_the_odd(tmp_path):
    first = table(tmp_path, range(1))[0]
    odd = [{"text": 7}, {"unsafe_text": None}, {"image": ""}, {"unsafe_image": ["a.png"]}]
    write_lines(tmp_path / "train.jsonl", [first, *({**first, **each} for each in odd)])
    source = opened(DataSpec(folder=FolderSpec(str(tmp_path))), "train", tmp_path)
    assert [(each.reason, each.detail) for each in source.skipped] == [
        ("text is no text", "7"),
        ("unsafe text is empty", ""),
        ("image is missing", "“image” holds nothing"),
        ("unsafe image is missing", "“unsafe_image” holds ['a.png']"),
    ]


def test_two_tables_of_a_split_are_an_error(tmp_path):
    write_lines(tmp_path / "train.jsonl", table(tmp_path, range(2)))
    (tmp_path / "train.csv").write_text("text\n")
    with pytest.raises(DataError, match=r"there are train.jsonl and train.csv; leave one of them there"):
        opened(DataSpec(folder=FolderSpec(str(tmp_path))), "train", tmp_path)


def test_no_split_is_taken_from_the_rows_of_another(tmp_path):
    rows = table(tmp_path, range(4))
    folder, parquet = DataSpec(folder=FolderSpec(str(tmp_path))), DataSpec(parquet=ParquetSpec(str(tmp_path)))
    write_lines(tmp_path / "quadruplets.jsonl", rows)
    write_parquet(tmp_path / "all.parquet", tmp_path, rows, Value("binary"))
    for spec in (folder, parquet):
        with pytest.raises(DataError, match="undivided rows have the splits train and validation, and not “test”"):
            opened(spec, "test", tmp_path)
    write_lines(tmp_path / "train.jsonl", rows)
    write_parquet(tmp_path / "train.parquet", tmp_path, rows, Value("binary"))
    for spec, name in ((folder, "train.jsonl"), (parquet, "train.parquet")):
        with pytest.raises(DataError, match=rf"rows of another split \({name}\), and none of “validation”"):
            opened(spec, "validation", tmp_path)


def test_rows_of_both_splits_are_said(tmp_path, capsys):
    rows = table(tmp_path, range(6))
    write_parquet(tmp_path / "train.parquet", tmp_path, rows[:4], Value("binary"))
    write_parquet(tmp_path / "validation.parquet", tmp_path, rows[3:], Value("binary"))
    train, validation = (
        opened(DataSpec(parquet=ParquetSpec(str(tmp_path))), split, tmp_path) for split in ("train", "validation")
    )
    say_repeated(train, validation)
    assert "1 of 3 validation quadruplets have the safe image, or both texts, of a" in capsys.readouterr().err


def test_a_safe_image_of_both_splits_is_said(tmp_path, capsys):
    rows = table(tmp_path, range(6))
    for row in rows:
        row["image"] = rows[0]["image"]  # one picture with six captions
    write_lines(tmp_path / "quadruplets.jsonl", rows)
    spec = DataSpec(folder=FolderSpec(str(tmp_path), held_out=0.5))
    train, validation = (opened(spec, split, tmp_path) for split in ("train", "validation"))
    say_repeated(train, validation)
    said = f"{len(validation)} of {len(validation)} validation quadruplets have the safe image"
    assert len(train) and len(validation) and said in capsys.readouterr().err


@given(st.text(), st.floats(0, 1))
def test_every_row_is_of_one_split(text, held_out):
    assert in_split(text, "train", held_out) != in_split(text, "validation", held_out)


def test_no_safe_text_is_in_both_splits(tmp_path):
    rows = [
        row | {"text": f"a cook {number // 4}", "unsafe_text": f"a cook with a bomb {number}"}
        for number, row in enumerate(table(tmp_path, range(80)))
    ]
    write_lines(tmp_path / "quadruplets.jsonl", rows)
    spec = DataSpec(folder=FolderSpec(str(tmp_path), held_out=0.5))
    train, validation = ({row.text for row in opened(spec, split, tmp_path).rows} for split in ("train", "validation"))
    assert train and validation and not train & validation


@pytest.mark.parametrize("held_out", [-0.1, 10.0])
def test_what_is_no_share_is_refused(held_out):
    with pytest.raises(DataError, match="held_out is .*; it is a share, from 0 to 1"):
        in_split("a cook", "train", held_out)


def test_a_drawn_world_has_no_split_for_tests(tmp_path):
    for spec in (DataSpec(emoji=DrawnSpec(4, 4, 1)), DataSpec(open_world=OpenWorldSpec(4, 4, 1))):
        with pytest.raises(DataError, match="has the splits train and validation here, and not “test”"):
            opened(spec, "test", tmp_path)


def test_a_split_without_rows_says_so(tmp_path):
    write_lines(tmp_path / "quadruplets.jsonl", [])
    with pytest.raises(DataError, match="train: there is no row. Add rows, or divide them into files"):
        opened(DataSpec(folder=FolderSpec(str(tmp_path))), "train", tmp_path)


def write_parquet(path: Path, folder: Path, rows: list[dict], feature: Image | Value) -> None:
    def cell(image: str | None) -> bytes | dict | None:
        data = (folder / image).read_bytes() if image else None
        return {"bytes": data, "path": None} if data and isinstance(feature, Image) else data

    kinds = {"text": Value("string"), "unsafe_text": Value("string"), "image": feature, "unsafe_image": feature}
    columns = {name: [row[name] for row in rows] for name in ("text", "unsafe_text")}
    columns |= {name: [cell(row[name]) for row in rows] for name in ("image", "unsafe_image")}
    Dataset.from_dict(columns, features=Features(kinds)).to_parquet(path)


@pytest.mark.parametrize("feature", [Image(), Value("binary")], ids=["images", "bytes"])
def test_parquet(tmp_path, feature):
    rows = table(tmp_path, range(6))
    rows[1] = {**rows[1], "unsafe_image": None}
    rows[2] = {**rows[2], "text": None}
    files = tmp_path / "files"
    files.mkdir()
    write_parquet(files / "train-0.parquet", tmp_path, rows[:4], feature)
    write_parquet(files / "train-1.parquet", tmp_path, rows[4:5], feature)
    write_parquet(files / "validation.parquet", tmp_path, rows[5:], feature)
    spec = DataSpec(parquet=ParquetSpec(str(files)))
    train, validation = (opened(spec, split, tmp_path) for split in ("train", "validation"))
    assert [train.safe_pair(i)[0] for i in range(len(train))] == ["a cat 0", "a cat 3", "a cat 4"]
    assert [(each.id, each.reason) for each in train.skipped] == [
        ("train-0.parquet, row 2", "unsafe image is missing"),
        ("train-0.parquet, row 3", "text is empty"),
    ]
    item = validation.item(0)
    assert (item.unsafe_text, item.category, item.image.size) == ("a bad cat 5", "", (8, 8))


@pytest.mark.parametrize("feature", [Image(), Value("string")], ids=["images", "paths"])
def test_parquet_may_name_image_files(tmp_path, feature):
    rows = table(tmp_path, range(2))
    for row in rows:
        row |= {name: str(tmp_path / row[name]) for name in ("image", "unsafe_image")}
    kinds = {"text": Value("string"), "unsafe_text": Value("string"), "image": feature, "unsafe_image": feature}
    columns = {name: [row[name] for row in rows] for name in kinds}
    Dataset.from_dict(columns, features=Features(kinds)).to_parquet(tmp_path / "train.parquet")
    spec = DataSpec(parquet=ParquetSpec(str(tmp_path)))
    before = opened(spec, "train", tmp_path)
    assert (len(before), before.item(1).image.size) == (2, (8, 8))
    save_image(tmp_path / "images" / "safe-1.png", 99)
    assert opened(spec, "train", tmp_path).fingerprint != before.fingerprint
    Path(rows[0]["unsafe_image"]).unlink()
    assert [each.reason for each in opened(spec, "train", tmp_path).skipped] == ["unsafe image is missing"]


def test_paths_in_parquet_are_from_its_folder_on(tmp_path):
    rows = table(tmp_path, range(2))
    rows[1]["image"] = "images/gone.png"
    kinds = dict.fromkeys(("text", "unsafe_text", "image", "unsafe_image"), Value("string"))
    columns = {name: [row[name] for row in rows] for name in kinds}
    Dataset.from_dict(columns, features=Features(kinds)).to_parquet(tmp_path / "train-0.parquet")
    Dataset.from_dict({name: [] for name in kinds}, features=Features(kinds)).to_parquet(tmp_path / "train-1.parquet")
    source = opened(DataSpec(parquet=ParquetSpec(str(tmp_path))), "train", tmp_path)
    assert len(source) == 1 and source.item(0).image.size == (8, 8)
    (skipped,) = source.skipped  # the file without rows is none
    assert skipped.reason == "image is missing" and f"({tmp_path}/images/gone.png): No such file" in skipped.detail


def test_missing_parts_are_reported(tmp_path):
    with pytest.raises(DataError, match="make one of: train.jsonl, train.csv, quadruplets.jsonl, quadruplets.csv"):
        opened(DataSpec(folder=FolderSpec(str(tmp_path))), "train", tmp_path)
    with pytest.raises(DataError, match="no file that ends in .parquet"):
        opened(DataSpec(parquet=ParquetSpec(str(tmp_path))), "train", tmp_path)
    Dataset.from_dict({"text": ["a"], "image": [b""]}).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(DataError, match="the columns unsafe_image, unsafe_text are missing"):
        opened(DataSpec(parquet=ParquetSpec(str(tmp_path))), "train", tmp_path)
