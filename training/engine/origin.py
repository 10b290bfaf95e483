"""What a run's weights depend on, so that a folder is never resumed with another recipe, other data or other models."""

from collections.abc import Mapping
from pathlib import Path

from safeclip.errors import CheckpointError
from safeclip.hashing import checkpoint_hashes, json_sha256
from safeclip.runtime.checkpoint_names import locate

from .recipe import BaseRecipe

FINGERPRINT = "fingerprint"
MODEL = "model of "  # begins a key that stands for the model which a path of the recipe names


def origin(recipe: BaseRecipe, fingerprint: str) -> dict[str, str]:
    """The recipe's keys as text, and the fingerprint of data and frozen models."""
    keys = {key: repr(value) for key, value in recipe.hyper_parameters().items()}
    return {**keys, FINGERPRINT: fingerprint}


def models_of(recipe: BaseRecipe) -> dict[str, str]:
    """What stands at the paths of a recipe: a hash of a model that is on this machine, the name of one of the hub.

    A path where nothing is any more has no key: a run that is complete does not need what it started from.
    """
    found = {MODEL + key: model_at(getattr(recipe, key)) for key in recipe.paths}
    return {key: model for key, model in found.items() if model is not None}


def model_at(name: str) -> str | None:
    """A hash of the model in a folder, the name of one of the hub, or None where a path leads to no folder."""
    place = locate(name) if name else ""
    if isinstance(place, str):
        return place
    return json_sha256(checkpoint_hashes(place)) if place.is_dir() else None


def check_finished(folder: Path, saved: Mapping[str, str], recipe: BaseRecipe) -> None:
    """Raises CheckpointError, naming the keys, when a folder's complete run is of another recipe or other models."""
    models = {key: value for key, value in models_of(recipe).items() if key in saved}
    known = {key: value for key, value in saved.items() if not key.startswith(MODEL) or key in models}
    check_origin(folder, known, origin(recipe, "") | models)


def check_origin(folder: Path, saved: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Raises CheckpointError, naming the keys, when a folder's run began from another origin."""
    changed = sorted(key for key in own.keys() | saved.keys() if own.get(key) != saved.get(key))
    if not changed:
        return
    if changed == [FINGERPRINT]:
        what = "other data or another frozen model"
    elif all(key.startswith(MODEL) for key in changed):
        what = f"another {', another '.join(changed)}"
    else:
        what = f"another recipe; changed: {', '.join(key for key in changed if key != FINGERPRINT)}"
    raise CheckpointError(f"{folder}: this run began with {what}. Give the new one a folder of its own with --out.")
