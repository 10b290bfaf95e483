"""The gallery of a fine-tune's quadruplets."""

from dataclasses import dataclass, field
from pathlib import Path

from safeclip.retrieval.gallery import Gallery
from training.data.quadruplets.rows import Row
from training.finetune import gallery


@dataclass
class WatchedImage:
    """An image whose reading notes how many files of the gallery are written."""

    name: str
    folder: Path
    written: list[int] = field(default_factory=list)

    def version(self) -> str:
        return self.name

    def read(self) -> bytes:
        self.written.append(len(list(self.folder.glob("data/*.parquet"))))
        return self.name.encode()


def test_files_are_written_while_images_are_read_and_take_the_place_of_older_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "ROWS_IN_A_FILE", 2)
    written: list[int] = []

    def image(name: str) -> WatchedImage:
        return WatchedImage(name, tmp_path, written)

    rows = [Row(str(n), f"safe {n}", f"unsafe {n}", image(f"v{n}"), image(f"u{n}")) for n in (0, 1, 1, 2)]
    assert gallery.write_gallery(rows, tmp_path) == 6
    assert written == [0, 0, 1, 1, 2, 2, 2, 2]
    items = Gallery.open(tmp_path).items
    assert [item.caption for item in items] == [f"{kind} {n}" for n in range(3) for kind in ("safe", "unsafe")]
    assert gallery.write_gallery(rows[:1], tmp_path) == 2 and len(Gallery.open(tmp_path)) == 2
