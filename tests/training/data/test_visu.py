import json

import pytest
from PIL import Image

from training.data.visu import ViSU

ROWS = [
    {"incremental_id": 1, "safe": "a dog", "nsfw": "a bad dog", "coco_id": 391895, "tag": "violence", "prompt_id": 0},
    {"incremental_id": 2, "safe": "a cat", "nsfw": "", "coco_id": 391895, "tag": "hate", "prompt_id": 0},
    {"incremental_id": 3, "safe": "a cow", "nsfw": "blood", "coco_id": 7, "tag": "bodily bluids", "prompt_id": 0},
    {"incremental_id": 4, "safe": "an owl", "nsfw": "gore", "coco_id": 404, "tag": "harm", "prompt_id": 0},
]


@pytest.fixture
def folders(tmp_path):
    for folder, names in (
        ("coco", ["COCO_val2014_000000391895.jpg", "000000000007.jpg"]),
        ("unsafe", ["1.png", "3.jpg"]),
    ):
        (tmp_path / folder).mkdir()
        for name in names:
            Image.new("RGB", (8, 8)).save(tmp_path / folder / name)
    texts = tmp_path / "ViSU-Text_train.json"
    texts.write_text(json.dumps(ROWS))
    return texts, tmp_path / "coco", tmp_path / "unsafe"


def test_complete_rows_are_read_and_the_others_counted(folders):
    visu = ViSU(*folders)
    assert (len(visu), visu.skipped) == (2, 2)
    assert (visu.item(0).text, visu.item(0).unsafe_text) == ("a dog", "a bad dog")
    assert visu.item(1).category == "bodily fluids"
    assert visu.item(1).unsafe_image.size == (8, 8)
    assert visu.safe_pair(1) == (visu.item(1).text, visu.item(1).image)


def test_missing_folders_are_named(folders, tmp_path):
    texts, coco, unsafe = folders
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ViSU(texts, tmp_path / "nowhere", unsafe)
    for path in unsafe.iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="no row has both"):
        ViSU(texts, coco, unsafe)
