"""Keys of caches change with the code that makes what they keep."""

from training.data.source_texts import source_texts


def test_text_of_code_and_tables_below_a_folder_and_of_no_other_file(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "rules.toml").write_text("rules ")
    (tmp_path / "code.py").write_text("code ")
    (tmp_path / "picture.svg").write_text("picture ")
    single = tmp_path / "deep" / "single.py"
    single.write_text("single ")
    assert source_texts(tmp_path) == "code rules single "
    assert source_texts(single) == "single "


def test_a_changed_line_changes_the_key(tmp_path):
    file = tmp_path / "code.py"
    file.write_text("size = 1")
    before = source_texts(tmp_path)
    file.write_text("size = 2")
    assert source_texts(tmp_path) != before
