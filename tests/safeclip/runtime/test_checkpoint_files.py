"""Which files a layout asks for, what a folder lacks of it, and which of its weights are read."""

import json

import pytest
from safetensors.torch import load_file, save_file

from safeclip.errors import CheckpointError
from safeclip.runtime.checkpoint_files import CONFIG, TOKENIZER, CheckpointFiles, truncated

TOY = CheckpointFiles(
    "toy", required=(CONFIG,), weights=(("model.safetensors",), ("model.bin",)), optional=("notes.txt",)
)


def with_files(folder, *names: str, content: bytes = b""):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_download_asks_for_shards_and_their_index_too():
    assert TOY.patterns(("model.safetensors",)) == (
        "config.json",
        "notes.txt",
        "model.safetensors",
        "model-*.safetensors",
        "model.safetensors.index.json",
    )
    assert TOY.patterns(()) == ("config.json", "notes.txt")


def test_layouts_of_one_folder_are_joined():
    both = TOY | CheckpointFiles("tokenizer", required=(CONFIG, TOKENIZER), optional=("notes.txt", "more.txt"))
    assert both.what == "toy" and both.required == (CONFIG, TOKENIZER)
    assert both.weights == TOY.weights and both.optional == ("notes.txt", "more.txt")
    assert (CheckpointFiles("none") | TOY).weights == TOY.weights


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        ((), ("config.json", "model.safetensors")),
        (("config.json", "model.safetensors"), ()),
        (("config.json", "model.bin"), ()),
        (("config.json", "model-00001-of-00002.bin"), ("model-00002-of-00002.bin",)),
        (("model.safetensors",), ("config.json",)),
    ],
)
def test_missing_files_are_those_of_the_alternative_that_was_begun(tmp_path, present, missing):
    assert TOY.missing(with_files(tmp_path, *present)) == missing
    if missing:
        with pytest.raises(CheckpointError, match=f"{missing[0]} is missing; a toy needs it"):
            TOY.require(tmp_path)
    else:
        TOY.require(tmp_path)


def test_a_folder_that_is_not_there_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="there is no such toy"):
        TOY.require(tmp_path / "gone")


def test_shards_in_a_folder_are_counted_by_their_index(tmp_path):
    part = CheckpointFiles("part", weights=(("unet/model.safetensors",),))
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    with_files(tmp_path, "unet/model.safetensors.index.json", content=json.dumps(index).encode())
    with_files(tmp_path, "unet/model-1.safetensors")
    assert part.missing(tmp_path) == ("unet/model-2.safetensors",)
    with_files(tmp_path, "unet/model-2.safetensors")
    assert part.missing(tmp_path) == ()
    assert [path.name for path in part.weight_files(tmp_path)] == ["model-1.safetensors", "model-2.safetensors"]


def test_the_best_format_is_read(tmp_path):
    with_files(tmp_path, "model.bin")
    assert [path.name for path in TOY.weight_files(tmp_path)] == ["model.bin"]
    with_files(tmp_path, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert len(TOY.weight_files(tmp_path)) == 2 and TOY.has_weights(tmp_path)
    assert CheckpointFiles("config", required=(CONFIG,)).has_weights(tmp_path / "gone"), "it has none to lack"


def test_a_safetensors_file_is_whole_by_its_header(tiny_clip, tmp_path):
    whole = (tiny_clip / "model.safetensors").read_bytes()
    path = tmp_path / "deep" / "model.safetensors"
    path.parent.mkdir()
    path.write_bytes(whole)
    assert truncated(tmp_path) == []
    for cut in (len(whole) - 1, len(whole) // 2, 100, 7, 0):
        path.write_bytes(whole[:cut])
        assert truncated(tmp_path) == [path], cut
    save_file({"a": load_file(tiny_clip / "model.safetensors")["logit_scale"].clone()}, path, {"format": "pt"})
    assert truncated(tmp_path) == []
