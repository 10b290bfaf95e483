"""Tokenizers and image processors: CLIP's own, read from a checkpoint or made from what open_clip knows."""

import gzip
from functools import cache
from pathlib import Path
from typing import Any

from PIL.Image import Resampling
from transformers import CLIPImageProcessor, CLIPTokenizer

from ..errors import CheckpointError, first_line
from ..hashing import file_sha256, json_sha256

# What of preprocessor_config.json decides a pixel; the rest of it differs between versions of transformers.
_PIXEL_SETTINGS = (
    *("do_convert_rgb", "do_resize", "size", "resample", "do_center_crop", "crop_size"),
    *("do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"),
)
_BPE_MERGES = 49152 - 256 - 2  # of OpenAI's vocabulary, whose file holds more than are used
_MARKERS = ("<|startoftext|>", "<|endoftext|>")


def read_processors(directory: Path) -> tuple[CLIPTokenizer, CLIPImageProcessor]:
    """The tokenizer and the image processor of a checkpoint. Raises CheckpointError."""
    for name in _tokenizer_files(directory):
        if not (directory / name).is_file():  # transformers would go on with a tokenizer of no words
            raise CheckpointError(f"{directory}: {name} is missing; the tokenizer needs it.")
    try:
        return (
            CLIPTokenizer.from_pretrained(directory, local_files_only=True),
            CLIPImageProcessor.from_pretrained(directory, local_files_only=True),
        )
    except Exception as error:
        raise CheckpointError(
            f"{directory}: the tokenizer or the image processor cannot be loaded: {first_line(error)}"
        ) from error


def has_processors(directory: Path) -> bool:
    """Whether a checkpoint brings a tokenizer and an image processor along."""
    files = (*_tokenizer_files(directory), "preprocessor_config.json")
    return all((directory / name).is_file() for name in files)


def tokenizer_hash(directory: Path, room: int) -> str:
    """What decides the tokens: the files in `directory`, and `room`, the number of tokens that the model reads."""
    return json_sha256([room, *(file_sha256(directory / name) for name in _tokenizer_files(directory))])


def preprocessing_hash(image_processor: CLIPImageProcessor) -> str:
    """What decides a pixel."""
    settings = image_processor.to_dict()
    return json_sha256({key: settings.get(key) for key in _PIXEL_SETTINGS})


@cache
def openai_tokenizer() -> tuple[CLIPTokenizer, str]:
    """The tokenizer of OpenAI's CLIP, out of the vocabulary that open_clip ships, and the hash of that file."""
    from open_clip.tokenizer import bytes_to_unicode, default_bpe

    lines = gzip.decompress(Path(default_bpe()).read_bytes()).decode().split("\n")
    merges = [tuple(line.split()) for line in lines[1 : _BPE_MERGES + 1]]
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges), *_MARKERS]
    vocabulary = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77), file_sha256(default_bpe())


def image_processor(settings: dict[str, Any], size: int | tuple[int, int]) -> CLIPImageProcessor:
    """CLIP's image processor for open_clip's `preprocess_cfg` and the `size` (height, width) of the vision tower.

    Raises CheckpointError for a way of resizing that CLIP's does not have.
    """
    height, width = (size, size) if isinstance(size, int) else size
    mode = settings.get("resize_mode") or "shortest"
    exact = {"height": height, "width": width}
    if mode not in ("shortest", "squash") or (mode == "shortest" and height != width):
        raise CheckpointError(f"Pictures of {height}×{width} resized by “{mode}” are not supported.")
    return CLIPImageProcessor(
        size=exact if mode == "squash" else {"shortest_edge": height},
        crop_size=exact,
        do_center_crop=mode == "shortest",
        resample=Resampling[str(settings.get("interpolation") or "bicubic").upper()],
        image_mean=tuple(settings["mean"]),
        image_std=tuple(settings["std"]),
    )


def _tokenizer_files(directory: Path) -> tuple[str, ...]:
    return ("tokenizer.json",) if (directory / "tokenizer.json").is_file() else ("vocab.json", "merges.txt")
