"""How a place is understood: what a path is, what cannot be guessed, and image lists."""

import pytest

from index_builder.errors import BuildError
from index_builder.sources import SOURCES, open_source, split_spec
from tests.index_builder.sources.places import IMAGES, as_files, as_parquet


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("laion/relaion", "is not a folder.*For a dataset of the hub write hub:laion/relaion.*KIND:PLACE: folder"),
        ("absent", "absent is not a folder, and no file either. A source is"),
        ("parquet:", "needs a place: write parquet:PLACE"),
        ("parquet:absent", "there is no file with .parquet"),
        ("list:absent.txt", "no such list"),
        ("embeddings:absent", "neither img_emb and metadata are here"),
    ],
)
def test_a_place_that_will_not_do_is_told_with_the_remedy(spec, message):
    with pytest.raises(BuildError, match=message):
        open_source(spec)


def test_a_name_that_tells_nothing(tmp_path):
    for name, said in (
        ("images.dat", "its name does not tell what it is"),
        ("a.ZIP", "no kind of source .* Unpack it"),
    ):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(BuildError, match=said):
            split_spec(str(tmp_path / name))


def test_images_decide_only_where_nothing_else_does(tmp_path):
    as_files(tmp_path)
    assert split_spec(str(tmp_path))[0] == "folder"
    as_parquet(tmp_path / "more")
    assert split_spec(str(tmp_path / "more"))[0] == "parquet" and split_spec(str(tmp_path))[0] == "folder"
    (tmp_path / "more" / "0.parquet").rename(tmp_path / "table.parquet")
    assert split_spec(str(tmp_path))[0] == "folder"
    assert split_spec("shards/{000..123}.tar") == ("webdataset", "shards/{000..123}.tar")


def test_files_of_a_folder_may_have_their_suffix_in_capitals(tmp_path):
    as_parquet(tmp_path / "tables")
    for table in (tmp_path / "tables").iterdir():
        table.rename(table.with_suffix(".PARQUET"))
    assert [item.data for item in open_source(str(tmp_path / "tables")).items()] == IMAGES


def test_a_gallery_is_read_from_its_rows(tmp_path):
    as_parquet(tmp_path / "data")
    (tmp_path / "data" / "0.parquet").rename(tmp_path / "data" / "test-00000.parquet")
    as_files(tmp_path / "thumbnails" / "00f")
    assert split_spec(str(tmp_path)) == ("parquet", f"{tmp_path}/data")


def test_a_range_must_be_complete(tmp_path):
    as_parquet(tmp_path / "tables")
    assert len(list(open_source(f"{tmp_path}/tables/{{0..1}}.parquet").items())) == len(IMAGES)
    with pytest.raises(
        BuildError, match="2 of these 4 files are missing: .*tables/2.parquet, .*tables/3.parquet. Fetch"
    ):
        open_source(f"{tmp_path}/tables/{{0..3}}.parquet")
    assert len(list(open_source(f"{tmp_path}/tables/{{0..3}}*.parquet").items())) == len(IMAGES)


def test_every_kind_says_what_it_is():
    assert split_spec("hub:a/b@main") == ("hub", "a/b@main") and "hub" in SOURCES


def test_a_list_of_paths_with_captions_behind_tabs(tmp_path):
    names = as_files(tmp_path / "images")
    lines = [
        f"images/{names[2]}\ta cup",
        "",
        f"{tmp_path}/images/{names[0]}",
        "images/absent.png\tgone",
        "zero\0byte.png",
        "https://x/y.png",
    ]
    (tmp_path / "list.txt").write_text("\n".join(lines), encoding="utf-8-sig")
    cup, apple, gone, impossible, link = open_source(str(tmp_path / "list.txt")).items()
    assert (cup.data, cup.caption) == (IMAGES[2], "a cup") and (apple.data, apple.caption) == (IMAGES[0], "")
    assert gone.data is None and gone.fault == "cannot be read: No such file or directory"
    assert impossible.data is None and impossible.fault == "cannot be read: no file can have this name"
    assert link.data is None and link.fault.startswith("it is a link, not a path. Links are not followed: fetch")


def test_a_list_must_name_files(tmp_path):
    (tmp_path / "list.jsonl").write_text('{"caption": "x"}')
    with pytest.raises(BuildError, match="a row has no 'file_name'.* Rename the column that holds it to 'file_name'"):
        open_source(str(tmp_path / "list.jsonl"))
