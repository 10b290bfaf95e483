"""Which files a layout asks for, what a folder lacks of it, and which of its weights are read."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from safeclip.errors import CheckpointError
from safeclip.runtime.checkpoint_files import CONFIG, TOKENIZER, CheckpointFiles, model_type, truncated

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


def test_shards_of_safetensors_without_their_index_cannot_be_read(tmp_path):
    with_files(tmp_path, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert CheckpointFiles("part", weights=(("model.safetensors",),)).missing(tmp_path) == (
        "model.safetensors.index.json",
    )


def test_the_best_format_is_read(tmp_path):
    with_files(tmp_path, "model.bin")
    assert [path.name for path in TOY.weight_files(tmp_path)] == ["model.bin"]
    with_files(tmp_path, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert len(TOY.weight_files(tmp_path)) == 2 and TOY.has_weights(tmp_path)
    assert CheckpointFiles("config", required=(CONFIG,)).has_weights(tmp_path / "gone"), "it has none to lack"


UNET = "unet/model.safetensors"
PARTS = CheckpointFiles("parts", weights=(("vae/model.safetensors", UNET),), half=True)
HALVES = "unet/model.fp16-00001-of-00002.safetensors", "unet/model.fp16-00002-of-00002.safetensors"
INDEX = json.dumps({"weight_map": {"a": Path(HALVES[0]).name, "b": Path(HALVES[1]).name}}).encode()


@pytest.mark.parametrize(
    ("names", "unet", "lack"),
    [
        ([UNET, "vae/model.safetensors"], UNET, "no fp16 files there"),
        ([UNET, "unet/model.fp16.safetensors"], "unet/model.fp16.safetensors", "fp16 but for vae"),
        ([UNET, *HALVES, "vae/model.fp16.safetensors"], "unet/model.fp16.safetensors", ""),
        ([UNET, "unet/model.fp16.bin"], UNET, "no fp16 files there"),
    ],
)
def test_copies_in_half_precision_are_fetched_part_by_part(names, unet, lack):
    found = PARTS.among(names)
    assert found.weights[0][1] == unet and PARTS.lacking_halves(names) == lack
    assert replace(PARTS, half=False).among(names).weights[0][1] == UNET, "only where they are asked for"


def test_shards_in_half_precision_are_read_when_all_are_there(tmp_path):
    with_files(tmp_path, "vae/model.safetensors", UNET, HALVES[0])
    with_files(tmp_path, "unet/model.safetensors.index.fp16.json", content=INDEX)
    assert [path.name for path in PARTS.weight_files(tmp_path)] == ["model.safetensors"] * 2
    assert PARTS.missing(tmp_path) == () and PARTS.variant(tmp_path, "unet") is None
    (tmp_path / UNET).unlink()
    assert PARTS.missing(tmp_path) == (HALVES[1],), "what was begun is asked for"
    with_files(tmp_path, UNET, HALVES[1])
    assert [path.name for path in PARTS.weight_files(tmp_path)[:2]] == [Path(name).name for name in HALVES]
    assert (PARTS.variant(tmp_path, "unet"), PARTS.variant(tmp_path, "vae")) == ("fp16", None)
    assert set(PARTS.inside(tmp_path).patterns(("unet/model.fp16.safetensors",))) >= {
        "unet/model.fp16-*.safetensors",
        "unet/model.safetensors.index.fp16.json",
    }


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


@pytest.mark.parametrize(
    ("config", "named"), [('{"model_type": "siglip"}', "siglip"), ("[]", ""), ("3", ""), ("{", "")]
)
def test_a_configuration_that_names_no_architecture_is_left_to_its_reader(tmp_path, config, named):
    assert model_type(tmp_path) == ""
    (tmp_path / "config.json").write_text(config)
    assert model_type(tmp_path) == named
