"""Tokenizers and image processors of CLIP, read from a checkpoint or made from what open_clip knows."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL.Image import Resampling
from transformers import CLIPImageProcessor, CLIPTokenizer

from ..errors import CheckpointError, first_line
from ..hashing import file_sha256, json_sha256
from ..runtime.checkpoint_files import IMAGE_PROCESSOR

# What of preprocessor_config.json decides a pixel; the rest of it differs between versions of transformers.
_PIXEL_SETTINGS = (
    *("do_convert_rgb", "do_resize", "size", "resample", "do_center_crop", "crop_size"),
    *("do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"),
)
_BPE_MERGES = 49152 - 256 - 2  # of OpenAI's vocabulary, whose file holds more than are used
_ELSEWHERE = "Where a checkpoint was published without, name the CLIP that it was tuned from as its processor."
_MARKERS = ("<|startoftext|>", "<|endoftext|>")


@dataclass(frozen=True)
class Processors:
    """Tokenizer and image processor of an encoder, with the hashes of what decides a token and a pixel."""

    tokenizer: CLIPTokenizer
    image_processor: CLIPImageProcessor
    tokenizer_hash: str
    preprocessing_hash: str


def read_processors(
    directory: Path,
    max_length: int,
    *,
    image_size: int | None = None,
    read_tokenizer: Callable[[Path], Any] | None = None,
    image_processor_type: type[Any] = CLIPImageProcessor,
) -> Processors:
    """Reads the tokenizer and the image processor of a checkpoint whose model reads `max_length` tokens.

    `image_size` is the side in px of the images that the model reads, None where it may read others. `read_tokenizer`
    reads another tokenizer than CLIP's. Raises CheckpointError for a missing or damaged file, and for images of another
    size.
    """
    for name in _tokenizer_files(directory):
        if not (directory / name).is_file():  # transformers would go on with a tokenizer of no words
            raise CheckpointError(f"{directory}: {name} is missing; the tokenizer needs it. {_ELSEWHERE}")
    if not _image_settings(directory).is_file():
        missing = _image_settings(directory).name
        raise CheckpointError(f"{directory}: {missing} is missing; the image processor needs it. {_ELSEWHERE}")
    try:
        tokenizer = (read_tokenizer or _clip_tokenizer)(directory)
        image_processor = image_processor_type.from_pretrained(directory, local_files_only=True)
    except Exception as error:  # transformers raises many kinds for a file that it cannot use
        raise CheckpointError(
            f"{directory}: the tokenizer or the image processor cannot be loaded: {first_line(error)}"
        ) from error
    if image_size is not None:
        _require_size(image_processor, image_size, directory)
    files = [file_sha256(directory / name) for name in _tokenizer_files(directory)]
    tokens = json_sha256([max_length, *files])
    return Processors(tokenizer, image_processor, tokens, preprocessing_hash(image_processor))


def made_size(image_processor: CLIPImageProcessor) -> dict[str, int]:
    """Size in px of what an image processor makes: `height` and `width`, or another key where that varies."""
    return image_processor.crop_size if image_processor.do_center_crop else image_processor.size


def _require_size(image_processor: CLIPImageProcessor, side: int, directory: Path) -> None:
    made = dict(made_size(image_processor))
    height, width = made.get("height") or side, made.get("width") or side
    if (height, width) != (side, side):
        raise CheckpointError(
            f"{_image_settings(directory)}: it makes images of {height} × {width} px; the image tower "
            f"reads {side} × {side}. Correct the size there, or fetch both from one revision."
        )


def _clip_tokenizer(directory: Path) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(directory, local_files_only=True)


def openai_processors(settings: dict[str, Any], size: int | tuple[int, int], max_length: int) -> Processors:
    """Makes OpenAI's tokenizer and the `image_processor` of `settings`, for a checkpoint without its own."""
    tokenizer, vocabulary = openai_tokenizer()
    images = image_processor(settings, size)
    tokens = json_sha256([max_length, "openai", vocabulary])
    return Processors(tokenizer, images, tokens, preprocessing_hash(images))


def has_processors(directory: Path) -> bool:
    """Whether a checkpoint brings a tokenizer and an image processor along."""
    files = [directory / name for name in _tokenizer_files(directory)]
    return all(file.is_file() for file in (*files, _image_settings(directory)))


def preprocessing_hash(image_processor: CLIPImageProcessor) -> str:
    """Hashes the settings that decide a pixel."""
    settings = image_processor.to_dict()
    return json_sha256({key: settings.get(key) for key in _PIXEL_SETTINGS})


@cache
def openai_tokenizer() -> tuple[CLIPTokenizer, str]:
    """Makes the tokenizer of OpenAI's CLIP from the vocabulary file of open_clip; returns it and the file's hash."""
    from open_clip.tokenizer import bytes_to_unicode, default_bpe

    lines = gzip.decompress(Path(default_bpe()).read_bytes()).decode().split("\n")
    merges = [tuple(line.split()) for line in lines[1 : _BPE_MERGES + 1]]
    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges), *_MARKERS]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77), file_sha256(default_bpe())


def image_processor(settings: dict[str, Any], size: int | tuple[int, int]) -> CLIPImageProcessor:
    """Makes CLIP's image processor for open_clip's `preprocess_cfg`; `size` (height, width) is in px.

    Raises CheckpointError for a way of resizing that CLIP's does not have.
    """
    height, width = (size, size) if isinstance(size, int) else size
    mode = settings.get("resize_mode") or "shortest"
    exact = {"height": height, "width": width}
    if mode not in ("shortest", "squash") or (mode == "shortest" and height != width):
        raise CheckpointError(f"Images of {height}×{width} resized by “{mode}” are not supported.")
    return CLIPImageProcessor(
        size=exact if mode == "squash" else {"shortest_edge": height},
        crop_size=exact,
        do_center_crop=mode == "shortest",
        resample=Resampling[str(settings.get("interpolation") or "bicubic").upper()],
        image_mean=tuple(settings["mean"]),
        image_std=tuple(settings["std"]),
    )


def _image_settings(directory: Path) -> Path:
    """The file with an image processor's settings: the first that is there, else the one that is missing."""
    files = [directory / name for alternative in IMAGE_PROCESSOR for name in alternative]
    return next((file for file in files if file.is_file()), files[0])


def _tokenizer_files(directory: Path) -> tuple[str, ...]:
    return ("tokenizer.json",) if (directory / "tokenizer.json").is_file() else ("vocab.json", "merges.txt")
