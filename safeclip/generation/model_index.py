"""Compares a repository's model_index.json with the family that a profile names, before any weights are fetched."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..runtime.checkpoint_files import CheckpointFiles
from .families import FAMILIES, Family

INDEX_NAME = "model_index.json"
INDEX = CheckpointFiles("pipeline of diffusers", required=(((INDEX_NAME,),),))


def require_family(folder: Path, family: str, name: str = "") -> None:
    """Raises CheckpointError, with the cure, unless the pipeline in `folder` is of the family that a profile names.

    `name` is what the profile calls a repository, "" for a folder; of that one its layout says what is missing.
    """
    file = folder / INDEX_NAME
    if not file.is_file():
        if not name:
            return
        raise CheckpointError(f"{name}: {INDEX_NAME} is missing; a {FAMILIES[family].files.what} needs it.")
    if said := misfit(file.read_text(encoding="utf-8"), family):
        raise CheckpointError(f"{name or folder}: {said}")


def misfit(text: str, name: str) -> str:
    """Says why the `text` of a model_index.json is not that of the family `name`, and what to do; "" where it is."""
    try:
        index = dict(json.loads(text))
    except (ValueError, TypeError) as error:
        return f"its {INDEX_NAME} is not valid JSON: {error}"
    kind, family = index.get("_class_name", "pipeline"), FAMILIES[name]
    odd = _odd_parts(index, family)
    known = [each for each, other in FAMILIES.items() if other.pipeline == kind]
    if not known:
        return _of_no_family(index, kind, family, odd)
    if name in known and not odd:
        return ""
    what = f"this is a {kind} {odd[0]}" if name in known else f"this is a {kind}"
    right = [each for each in known if not _odd_parts(index, FAMILIES[each])] or [
        each for each in known if each != name
    ]
    if not right or name in known and _odd_parts(index, FAMILIES[right[0]]):
        return f"{what}. Name another checkpoint."
    return f'{what}. Set family = "{right[0]}" in [generation] of the profile, or name another checkpoint.'


def _of_no_family(index: Mapping[str, Any], kind: str, family: Family, odd: list[str]) -> str:
    """The same for a pipeline of a class that no family has; one with a single text encoder may do."""
    readers = 1 + sum(part.startswith("text_encoder_") and any(classes or ()) for part, classes in index.items())
    if readers > 1 or family.partial:
        return (
            f"this is a {kind}, whose prompt is read by {readers} text encoders: nobody has told here which of them a "
            "seat may replace. Use Stable Diffusion 1.4, 1.5, 2, XL or 3."
        )
    return f"this is a {kind} {odd[0]}. Use Stable Diffusion 1.4, 1.5, 2, XL or 3." if odd else ""


def _odd_parts(index: Mapping[str, Any], family: Family) -> list[str]:
    """Names the parts of a family that a pipeline lacks: "without text_encoder_3"."""
    found = []
    for part, wanted in {**family.text_encoders, **family.models}.items():
        classes = index.get(part) or (None, None)
        if classes[1] is None:
            found.append(f"without {part}")
        elif classes[1] != wanted:
            found.append(f"whose {part} is a {classes[1]} and no {wanted}")
    return found
