"""ViSU as it is found in the wild: complete rows are trained on, the list of the others is exact."""

import json
from pathlib import Path

import pytest

from tests.fakes.quadruplet_files import CATEGORIES, visu_row, visu_table, write_visu
from tests.fakes.toy_recipes import SAFE_CLIP, parsed, toy_options
from training.cli import main
from training.data.quadruplets import visu
from training.data.quadruplets.visu import ViSUSpec, read_visu
from training.data.sources import DataSpec, open_source
from training.engine.job import train
from training.errors import DataError
from training.finetune.profile_text import profile_text

SPLITS = ("train", "validation")
EMOJI = "data.emoji = { train = 16, validation = 8, seed = 3 }"


def spec(folder: Path) -> DataSpec:
    return DataSpec(visu=ViSUSpec(str(folder), str(folder / "coco"), str(folder / "unsafe")))


def test_500_rows_with_every_quirk(tmp_path, capsys):
    expected = write_visu(tmp_path, "train", 487)
    assert 487 + len(expected) == 500
    options = toy_options(tmp_path / "run", tmp_path)
    source = open_source(spec(tmp_path), "train", options)
    assert len(source) == 487
    assert [(each.id, each.reason) for each in source.skipped] == expected
    for number in (0, 3, 4, 486):
        item, row = source.item(number), visu_row(number)
        assert (item.text, item.unsafe_text) == (row["safe"], row["nsfw"])
        assert item.category == CATEGORIES[number % len(CATEGORIES)]
        assert source.safe_pair(number) == (item.text, item.image)
        assert item.image.size == (8, 8) and item.image.tobytes() != item.unsafe_image.tobytes()
    listed = [json.loads(line) for line in (options.out / "skipped-train.jsonl").read_text().splitlines()]
    assert [(each["id"], each["reason"]) for each in listed] == expected
    said = capsys.readouterr().err
    assert f"visu, train: {len(expected)} of 500 rows are left out (3 × unsafe text is empty, " in said
    with pytest.raises(DataError, match="13 of 500 rows.*The first: incremental_id 487: unsafe text is empty"):
        open_source(spec(tmp_path), "train", toy_options(tmp_path / "run", tmp_path, strict=True))


def test_it_trains_and_is_evaluated(tmp_path, artwork, tiny_clip):
    for split, complete, first in (("train", 17, 0), ("validation", 9, 100)):
        write_visu(tmp_path, split, complete, first)
    text = SAFE_CLIP.format(checkpoint=tiny_clip).replace(EMOJI, visu_table(tmp_path)) + "[objective.safe_clip]"
    job, recipe = parsed(tmp_path, text)
    options = toy_options(tmp_path / "run", artwork)
    assert train(job, recipe, options)
    lines = [json.loads(line) for line in (options.out / "metrics.jsonl").read_text().splitlines()]
    assert any("validation_recall_sum" in line for line in lines)
    assert (options.out / "adapter" / "adapter_model.safetensors").is_file()


@pytest.mark.full
def test_500_rows_train_and_are_evaluated(tmp_path, artwork, tiny_clip):
    left_out = {split: write_visu(tmp_path, split, 487, 1000 * split.startswith("v")) for split in SPLITS}
    text = SAFE_CLIP.format(checkpoint=tiny_clip).replace(EMOJI, visu_table(tmp_path)) + "[objective.safe_clip]"
    text = text.replace("epochs = 3", "epochs = 1").replace("batch_size = 4", "batch_size = 32")
    job, recipe = parsed(tmp_path, text)
    run = tmp_path / "run"
    assert train(job, recipe, toy_options(run, artwork))
    profile = tmp_path / "profile.toml"
    profile.write_text(profile_text("toy", str(tiny_clip), run / "adapter", tmp_path / "gallery", tmp_path / "index"))
    file = tmp_path / "evaluation.toml"
    data = visu_table(tmp_path).replace("data.visu", "quadruplets.data.visu")
    file.write_text(f'profile = "{profile}"\nquadruplets.split = "validation"\n{data}\n')
    assert main(["evaluate", str(file), "--out", str(run), "--device", "cpu"]) == 0
    figures = json.loads((run / "evaluation.json").read_text())["sections"]["quadruplets"]
    assert figures["n"] == 487 and list(figures["retrieval"]) == ["original", "safe"]
    for split, expected in left_out.items():
        lines = (run / f"skipped-{split}.jsonl").read_text().splitlines()
        assert len(expected) == 13 and [(each["id"], each["reason"]) for each in map(json.loads, lines)] == expected


def test_a_row_with_several_unsafe_images_is_left_out(tmp_path):
    write_visu(tmp_path, "train", 6)
    (tmp_path / "unsafe" / "other").mkdir()
    second = tmp_path / "unsafe" / "other" / "1.webp"
    second.write_bytes((tmp_path / "unsafe" / "2.png").read_bytes())
    rows = {row.id: row for row in read_visu(spec(tmp_path).visu, "train")}
    assert rows["incremental_id 1"].reason == "unsafe images are several"
    assert rows["incremental_id 1"].detail == f"{tmp_path / 'unsafe' / '1.png'}, {second}"
    assert rows["incremental_id 2"].unsafe_image.path == tmp_path / "unsafe" / "2.png"


def test_a_repaired_row_comes_back_and_only_changed_images_are_decoded(tmp_path, monkeypatch):
    write_visu(tmp_path, "train", 20)
    options = toy_options(tmp_path / "run", tmp_path)
    before = open_source(spec(tmp_path), "train", options)
    damaged = (
        tmp_path
        / "unsafe"
        / next(each.detail for each in before.skipped if each.reason == "unsafe image is damaged")
        .split(":")[0]
        .rsplit("/")[-1]
    )
    damaged.write_bytes((tmp_path / "unsafe" / "1.png").read_bytes())
    decoded = []
    real = visu.PathImage.read
    monkeypatch.setattr(visu.PathImage, "read", lambda self: decoded.append(self.path) or real(self))
    after = open_source(spec(tmp_path), "train", options)
    assert decoded == [damaged]
    assert len(after) == len(before) + 1 and after.fingerprint != before.fingerprint
    assert open_source(spec(tmp_path), "train", options).fingerprint == after.fingerprint
    ledger = options.out / "images.jsonl"
    ledger.write_text(ledger.read_text()[:-20])  # a power cut while the last line was written
    assert open_source(spec(tmp_path), "train", options).fingerprint == after.fingerprint
    elsewhere = open_source(spec(tmp_path), "train", toy_options(tmp_path / "other", tmp_path))
    assert elsewhere.fingerprint == after.fingerprint  # of the content, not of where it was checked


def test_changed_bytes_are_other_data(tmp_path):
    write_visu(tmp_path, "train", 20)
    options = toy_options(tmp_path / "run", tmp_path)
    before = open_source(spec(tmp_path), "train", options).fingerprint
    path = tmp_path / "unsafe" / "5.png"
    path.write_bytes((tmp_path / "unsafe" / "6.png").read_bytes())
    assert open_source(spec(tmp_path), "train", options).fingerprint != before


def test_rows_may_stand_one_a_line_or_in_a_data_set_of_the_hub(tmp_path, monkeypatch):
    write_visu(tmp_path, "train", 6)
    path = tmp_path / "ViSU-Text_train.json"
    table = spec(tmp_path).visu
    rows = list(read_visu(table, "train"))
    path.write_text("\n".join(json.dumps(row) for row in json.loads(path.read_text())))
    assert list(read_visu(table, "train")) == rows
    asked = []

    def load_dataset(name: str, split: str) -> list:
        asked.append((name, split))
        return [visu_row(number) for number in range(6)]

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    hub = ViSUSpec("aimagelab/ViSU-Text", table.safe_images, table.unsafe_images)
    assert [row.id for row in read_visu(hub, "test")] == [f"incremental_id {number}" for number in range(6)]
    assert asked == [("aimagelab/ViSU-Text", "test")]


def test_missing_parts_are_reported(tmp_path):
    write_visu(tmp_path, "train", 6)
    options = toy_options(tmp_path / "run", tmp_path)
    with pytest.raises(DataError, match="ViSU-Text_validation.json: the file is missing"):
        open_source(spec(tmp_path), "validation", options)
    with pytest.raises(DataError, match="nowhere: there is no such folder of images"):
        list(read_visu(ViSUSpec(str(tmp_path), str(tmp_path / "nowhere"), str(tmp_path / "unsafe")), "train"))
    for path in (tmp_path / "unsafe").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"no row is complete \(9 × unsafe image is missing, 3 × unsafe text is empty"):
        open_source(spec(tmp_path), "train", options)
    (tmp_path / "ViSU-Text_train.json").write_text("[1, 2")
    with pytest.raises(DataError, match="this is no JSON"):
        open_source(spec(tmp_path), "train", options)
