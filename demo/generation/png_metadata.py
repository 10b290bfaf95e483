"""How a picture was painted, inside its PNG file: for this page as JSON, and as other tools write and read it."""

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qsl

from PIL import Image
from PIL.PngImagePlugin import PngInfo

import safeclip
from safeclip.errors import ImageError

from ..common.permalink import generation_from_query, generation_query
from .request import GenerationRequest, one_line

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.generation.results import GenerationComparison

KEY = "safeclip"
_PARAMETERS = "parameters"
_NEGATIVE = "Negative prompt: "
_LONGEST = 64_000  # characters of a chunk that is read
# What other tools call a setting → its name here.
_NAMES = {"Steps": "steps", "CFG scale": "guidance", "Seed": "seed"}


def write(image: Image.Image, settings: dict[str, Any]) -> bytes:
    """A picture as a PNG file that holds its settings and no other metadata."""
    info = PngInfo()
    info.add_itxt(KEY, json.dumps(settings, ensure_ascii=False, allow_nan=False))
    info.add_itxt(_PARAMETERS, _parameters(settings))
    buffer = io.BytesIO()
    pixels = Image.frombytes("RGB", image.size, image.convert("RGB").tobytes())
    pixels.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def read(file: bytes | str | Path | BinaryIO) -> dict[str, Any]:
    """The settings in a PNG file: those of `write`, or what other tools call "parameters". Decodes no pixel.

    Only the JSON is checked, and nothing of what it says. Raises ImageError for a file without settings.
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


def settings_of(
    lab: "Lab", ask: GenerationRequest, comparison: "GenerationComparison", key: str, i: int, *, models: str
) -> dict[str, Any]:
    """How picture i of column `key` was painted, as JSON values; `seed` is that picture's own.

    `models` is the fingerprint of the models, or the name of their checkpoint.
    """
    generation, painting = lab.generation, comparison[key]
    seat = generation.seats[ask.dial or key]
    scores = painting.scores[i] if i < len(painting.scores) else ()
    return {
        "prompt": comparison.prompt,
        "negative_prompt": comparison.negative_prompt,
        "seed": comparison.seed + i,
        "steps": comparison.steps,
        "guidance": comparison.guidance,
        "width": comparison.width,
        "height": comparison.height,
        "seat": {"key": seat.key, "label": seat.label},
        "blend": float(key) if ask.dial else None,
        "profile": lab.profile.name,
        "models": models,
        "scores": [
            {"judge": each.judge, "version": each.version, "threshold": each.threshold, "value": each.value}
            for each in scores
        ],
        "library": f"safeclip {safeclip.__version__}",
        "permalink": generation_query(ask),
    }


def ask_from_settings(settings: dict[str, Any], default: GenerationRequest) -> GenerationRequest | None:
    """The ask that `settings` are of, all of its pictures with it, or None when they name no prompt.

    They come from a file and may hold anything: an option that makes no sense falls back to the one of `default`.
    """
    link = settings.get("permalink")
    if isinstance(link, str) and link:
        address = dict(parse_qsl(link[:_LONGEST], keep_blank_values=True))
        if (ask := generation_from_query(address, default)) is not None:
            return ask
    names = {"paint": "prompt", "without": "negative_prompt", "seed": "seed", "steps": "steps", "guidance": "guidance"}
    return generation_from_query({name: _plain(settings.get(key)) for name, key in names.items()}, default)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value[:_LONGEST]
    return f"{value:.15g}" if isinstance(value, float) else str(value) if type(value) is int else ""


def _parameters(settings: dict[str, Any]) -> str:
    """The settings in the words of other tools: the prompt, the negative one, and a line of names and values."""
    lines = [one_line(str(settings.get("prompt", "")))]
    if negative := one_line(str(settings.get("negative_prompt", ""))):
        lines.append(_NEGATIVE + negative)
    values = {name: settings.get(key) for name, key in _NAMES.items()}
    values["Size"] = f"{settings.get('width')}x{settings.get('height')}"
    models = str(settings.get("models", ""))
    values |= {"Model hash": models[:10]} if re.fullmatch(r"[0-9a-f]{64}", models) else {"Model": models}
    values["Version"] = settings.get("library")
    lines.append(", ".join(f"{name}: {value}" for name, value in values.items()))
    return "\n".join(lines)


def _parsed(text: str) -> dict[str, Any]:
    """What `_parameters` and other tools write → prompts, seed, steps, guidance and size."""
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
