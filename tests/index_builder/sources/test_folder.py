import json
import os

import pytest
from PIL import Image

from index_builder.errors import BuildError
from index_builder.options import SourceOptions
from index_builder.sources import open_source


@pytest.fixture
def folder(tmp_path):
    """Four images in two folders, with captions in a file and in a sidecar."""
    top = tmp_path / "images"
    (top / "more").mkdir(parents=True)
    for number, name in enumerate(("b.png", "a.jpg", "more/c.webp", "more/D.PNG")):
        Image.new("RGB", (30 + number, 20), (60 * number, 10, 10)).save(top / name)
    (top / "notes.md").write_text("no image")
    (top / "a.txt").write_text("a dog\n on the   beach\n")
    lines = [
        {"file_name": "more/c.webp", "caption": "a knife", "unsafe": True, "category": "violence"},
        {"file_name": "b.png", "text": "ein Löffel"},
    ]
    (top / "captions.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    return top


def items_of(folder, **options):
    return list(open_source(str(folder), SourceOptions(**options)).items())


def test_images_come_in_the_order_of_their_names_with_captions_and_columns(folder):
    source = open_source(f"folder:{folder}", SourceOptions())
    items = list(source.items())
    assert [item.name for item in items] == ["a.jpg", "b.png", "more/D.PNG", "more/c.webp"]
    assert [item.caption for item in items] == ["a dog\n on the   beach\n", "ein Löffel", "", "a knife"]
    assert items[3].metadata["category"] == "violence" and items[3].metadata["unsafe"] is True
    assert [item.data for item in items] == [(folder / item.name).read_bytes() for item in items]
    assert source.count == 4 and source.origin == str(folder)


@pytest.mark.parametrize("skip", range(7))
def test_reading_on_from_a_position_gives_the_rest(folder, skip):
    (folder / "loop").symlink_to(folder)
    source = open_source(str(folder), SourceOptions())
    assert [item.name for item in source.items(skip)] == [item.name for item in source.items()][skip:]


def test_the_fingerprint_follows_names_and_captions(folder):
    def fingerprint() -> str:
        return open_source(str(folder), SourceOptions()).fingerprint

    first = fingerprint()
    assert fingerprint() == first
    (folder / "captions.jsonl").write_text('{"file_name": "b.png", "caption": "another"}')
    second = fingerprint()
    (folder / "b.png").rename(folder / "e.png")
    (folder / "captions.jsonl").write_text("")
    assert len({first, second, fingerprint()}) == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("captions.csv", 'file_name,caption,unsafe\nb.png,"a cup, blue",true\n'),
        ("labels.tsv", "file_name\tcaption\tunsafe\nb.png\ta cup, blue\ttrue\n"),
        ("metadata.jsonl", '{"file_name": "b.png", "text": "a cup, blue", "unsafe": "true"}\n'),
    ],
)
def test_captions_from_tables(folder, name, text):
    (folder / "captions.jsonl").unlink()
    (folder / name).write_text(text)
    items = items_of(folder, captions=str(folder / name) if name == "labels.tsv" else "")
    cup = next(item for item in items if item.name == "b.png")
    assert (cup.caption, cup.metadata["unsafe"]) == ("a cup, blue", "true")


def test_captions_from_names_or_none_or_first_lines(folder):
    (folder / "blue-cup_2.gif").write_bytes((folder / "b.png").read_bytes())
    assert items_of(folder, captions="names")[2].caption == "blue cup 2"
    assert {item.caption for item in items_of(folder, captions="none")} == {""}
    (folder / "captions.jsonl").unlink()
    assert items_of(folder, first_line=True)[0].caption == "a dog"


def test_a_caption_without_its_image_is_reported(folder):
    with open(folder / "captions.jsonl", "a") as file:
        file.write('\n{"file_name": "z.png", "caption": "x"}')
    (lost,) = [item for item in items_of(folder) if item.fault]
    assert lost.name == "z.png" and "the folder does not hold it" in lost.fault


def test_names_match_in_either_unicode_form(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "cafe\u0301.png")
    (tmp_path / "captions.jsonl").write_text(json.dumps({"file_name": "caf\u00e9.png", "caption": "coffee"}))
    assert [item.caption for item in items_of(tmp_path)] == ["coffee"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"file_name": "b.png", "caption": "x"', "line 2: this is not JSON"),
        ('{"caption": "x"}', "line 2: there is no 'file_name'"),
        (
            '{"file_name": "a.jpg", "captoin": "x"}',
            "line 2: there is no caption in a column 'caption' or 'text'. .* --caption-column: file_name, captoin",
        ),
        ('{"file_name": "b.png", "caption": "x"}', "'b.png' has a line already"),
        ("[]", "line 2: this is not an object"),
    ],
)
def test_a_bad_caption_line_is_named_before_any_work(folder, line, message):
    (folder / "captions.jsonl").write_text('{"file_name": "b.png", "caption": "b"}\n' + line + "\n")
    with pytest.raises(BuildError, match=message):
        open_source(str(folder), SourceOptions())


def test_a_caption_file_with_capitals_or_semicolons_is_understood_or_explained(folder):
    (folder / "CAPTIONS.CSV").write_text("file_name,caption\nb.png,capital\n")
    assert "capital" in [item.caption for item in items_of(folder, captions=str(folder / "CAPTIONS.CSV"))]
    (folder / "semicolons.csv").write_text("file_name;caption\nb.png;b\n")
    with pytest.raises(BuildError, match="its columns are: file_name;caption"):
        items_of(folder, captions=str(folder / "semicolons.csv"))


def test_a_caption_with_a_comma_out_of_quotes_is_not_cut(folder):
    (folder / "captions.jsonl").unlink()
    (folder / "captions.csv").write_text("file_name,caption\na.jpg,a dog,\nb.png,a cup, blue\n")
    with pytest.raises(BuildError, match="line 3: there are more fields than columns in the header. Put a text that"):
        items_of(folder)


def test_a_caption_may_be_longer_than_csv_reads_by_itself(folder):
    long = "word " * 40_000
    (folder / "captions.jsonl").unlink()
    (folder / "captions.csv").write_text(f'file_name,caption\nb.png,"{long}"\n')
    captions = {item.name: item.caption for item in items_of(folder)}
    assert captions["b.png"].strip() == long.strip()


@pytest.mark.parametrize("quoted", ['"a cup\n', '"a cup" blue\n'])
def test_a_quote_that_is_not_closed_swallows_no_rows(folder, quoted):
    """Read leniently, the first takes all lines after it into one caption, and their images lose theirs."""
    table = folder / "quotes.tsv"
    table.write_text(f"file_name\tcaption\nb.png\t{quoted}a.jpg\ta dog\n")
    for source in (f"list:{table}", str(folder)):
        with pytest.raises(BuildError, match="not a table .* any inside it is written twice"):
            open_source(source, SourceOptions(captions="" if source.startswith("list") else str(table)))


def test_captions_may_be_null_or_several_and_names_begin_at_the_folder(folder):
    lines = [{"file_name": "./b.png", "caption": ["a cup", "blue"]}, {"file_name": "a.jpg", "caption": None}]
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    items = {item.name: item for item in items_of(folder)}
    assert (items["b.png"].caption, items["a.jpg"].caption) == ("a cup", "")
    assert not any(item.fault for item in items.values())


def test_a_list_without_the_wanted_column_of_captions_is_refused(folder):
    (folder / "list.csv").write_text("file_name,caption\nb.png,a cup\n")
    with pytest.raises(BuildError, match="no column 'captoin'. It has file_name, caption"):
        open_source(str(folder / "list.csv"), SourceOptions(caption_column="captoin"))


def test_a_sidecar_may_be_utf_16_and_what_is_no_text_is_a_fault(folder):
    (folder / "a.txt").write_text("a dög", encoding="utf-16")
    (folder / "more" / "D.txt").write_bytes("a d\u00f6g".encode("latin-1"))
    items = {item.name: item for item in items_of(folder)}
    assert items["a.jpg"].caption == "a dög"
    assert items["more/D.PNG"].data is None and "is not UTF-8 text" in items["more/D.PNG"].fault


def test_a_folder_that_cannot_be_listed_counts_for_the_fingerprint(folder):
    before = open_source(str(folder), SourceOptions()).fingerprint
    (folder / "loop").symlink_to(folder)
    assert open_source(str(folder), SourceOptions()).fingerprint != before


def test_jpegs_under_rarer_suffixes_and_heic_are_not_passed_over(tmp_path):
    for name in ("a.jfif", "b.jpe", "c.HEIC"):
        Image.new("RGB", (9, 9)).save(tmp_path / name, "JPEG")
    assert [item.name for item in items_of(tmp_path)] == ["a.jfif", "b.jpe", "c.HEIC"]


def test_a_missing_folder_or_caption_file_is_reported(folder, tmp_path):
    with pytest.raises(BuildError, match="is not a folder"):
        items_of(tmp_path / "absent")
    with pytest.raises(BuildError, match="no such file of captions"):
        items_of(folder, captions="absent.csv")
    with pytest.raises(BuildError, match="needs a place"):
        items_of("folder:")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (item,) = items_of(tmp_path)
    assert "not a regular file" in item.fault
