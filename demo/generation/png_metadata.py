"""Metadata of generated images in their PNG files: as JSON for this page, and as other tools write and read it."""

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

import safeclip
from safeclip.errors import ImageError

from ..common.request_codec import one_line
from ..common.service import plain
from .request import GenerationRequest

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.generation.results import GenerationComparison

KEY = "safeclip"
_PARAMETERS = "parameters"
_NEGATIVE = "Negative prompt: "
_LONGEST = 64_000  # characters of a chunk that is read
# The name of an option in other tools → its name here.
_NAMES = {"Steps": "steps", "CFG scale": "guidance", "Seed": "seed"}


def write(image: Image.Image, metadata: dict[str, Any]) -> bytes:
    """An image as a PNG file that holds this metadata and no other."""
    info = PngInfo()
    info.add_itxt(KEY, json.dumps(metadata, ensure_ascii=False, allow_nan=False))
    info.add_itxt(_PARAMETERS, _parameters(metadata))
    buffer = io.BytesIO()
    pixels = Image.frombytes("RGB", image.size, image.convert("RGB").tobytes())
    pixels.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def read(file: bytes | str | Path | BinaryIO) -> dict[str, Any]:
    """The metadata in a PNG file: that of `write`, or what other tools call "parameters". Decodes no pixel.

    Values may be of any JSON type: `GenerationRequest.from_saved` reads them. Raises ImageError for a file without
    metadata.
    """
    source = io.BytesIO(file) if isinstance(file, bytes) else file
    try:
        with Image.open(source, formats=("PNG",)) as image:
            texts = {key: str(text)[:_LONGEST] for key, text in image.info.items() if key in (KEY, _PARAMETERS)}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(
            "This is not a PNG file, or it is damaged. Choose a picture that this page painted."
        ) from error
    found = _decoded(texts[KEY]) if KEY in texts else {}
    if not found and _PARAMETERS in texts:
        found = _parsed(texts[_PARAMETERS])
    if not found:
        raise ImageError("This file holds no settings. Choose a PNG that was downloaded from here.")
    return found


def metadata_of(
    lab: "Lab",
    request: GenerationRequest,
    comparison: "GenerationComparison",
    key: str,
    i: int,
    *,
    models: str,
    fingerprint: str = "",
) -> dict[str, Any]:
    """The metadata of image i of column `key` as JSON values; `seed` is that image's own.

    `models` is the fingerprint of the models, or the name of their checkpoint; `fingerprint` is the page's.
    """
    generation, images = lab.generation, comparison[key]
    seat = generation.seats[request.dial or key]
    scores = images.scores[i] if i < len(images.scores) else ()
    return {
        **request.saved(),
        "seed": comparison.seed + i,
        "width": comparison.width,
        "height": comparison.height,
        "seat": {"key": seat.key, "label": seat.label},
        "blend": float(key) if request.dial else None,
        "profile": lab.profile.name,
        "models": models,
        "fingerprint": fingerprint,
        "scores": [
            {"judge": each.judge, "version": each.version, "threshold": each.threshold, "value": each.value}
            for each in scores
        ],
        "notes": [plain(note) for note in comparison.notes],
        "library": f"safeclip {safeclip.__version__}",
        "permalink": request.to_link(),
    }


def _parameters(metadata: dict[str, Any]) -> str:
    """The metadata as other tools write it: the prompt, the negative one, and a line of names and values."""
    lines = [one_line(str(metadata.get("prompt", "")))]
    if negative := one_line(str(metadata.get("negative_prompt", ""))):
        lines.append(_NEGATIVE + negative)
    values = {name: metadata.get(key) for name, key in _NAMES.items()}
    values["Size"] = f"{metadata.get('width')}x{metadata.get('height')}"
    models = str(metadata.get("models", ""))
    values |= {"Model hash": models[:10]} if re.fullmatch(r"[0-9a-f]{64}", models) else {"Model": models}
    values["Version"] = metadata.get("library")
    lines.append(", ".join(f"{name}: {value}" for name, value in values.items()))
    return "\n".join(lines)


def _parsed(text: str) -> dict[str, Any]:
    """Reads what `_parameters` and other tools write: prompts, seed, steps, guidance and size."""
    lines = text.strip().split("\n")
    last = dict(each.strip().partition(": ")[::2] for each in lines.pop().split(",")) if "Steps: " in lines[-1] else {}
    negative = next((n for n, line in enumerate(lines) if line.startswith(_NEGATIVE)), len(lines))
    found: dict[str, Any] = {
        "prompt": one_line(" ".join(lines[:negative])),
        "negative_prompt": one_line(" ".join(lines[negative:]).removeprefix(_NEGATIVE)),
    }
    for name, key in _NAMES.items():
        if re.fullmatch(r"[0-9]{1,16}(\.[0-9]{1,6})?", last.get(name, "")):
            found[key] = float(last[name]) if key == "guidance" else int(last[name].partition(".")[0])
    if size := re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", last.get("Size", "")):
        found |= {"width": int(size[1]), "height": int(size[2])}
    return found if found["prompt"] else {}


def _decoded(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
