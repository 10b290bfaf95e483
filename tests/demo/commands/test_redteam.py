"""The red team from the command line: what it tries, and what it says where there is nothing to try."""

import pytest

from demo.commands import redteam
from demo.commands.redteam import gallery_texts
from safeclip.errors import QueryError


def test_captions_of_a_gallery_need_no_twin_to_be_tried(tiny_lab):
    unsafe = [item.caption for item in tiny_lab.gallery.items if item.unsafe]
    assert [text.text for text in gallery_texts(tiny_lab, len(unsafe))] == unsafe
    assert len(gallery_texts(tiny_lab, 2)) == 2


@pytest.mark.parametrize("flags", [[], ["--attack", "5"]])
def test_texts_of_which_none_is_unsafe_are_nothing_to_try(flags, tiny_lab, tmp_path, monkeypatch):
    (tmp_path / "safe.csv").write_text("text,unsafe\na dog,0\n")
    monkeypatch.setattr("safeclip.open", lambda profile: tiny_lab)
    with pytest.raises(QueryError, match="safe.csv is unsafe, so there is nothing to try"):
        redteam.main(["--texts", str(tmp_path / "safe.csv"), *flags], "app.py redteam")
