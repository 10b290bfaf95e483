"""What a run's weights depend on, so that a folder is never resumed with another recipe, other data or other models."""

from pathlib import Path

from safeclip.errors import CheckpointError

from .recipe import BaseRecipe

FINGERPRINT = "fingerprint"


def origin(recipe: BaseRecipe, fingerprint: str) -> dict[str, str]:
    """The recipe's keys as text, and the fingerprint of data and frozen models."""
    keys = {key: repr(value) for key, value in recipe.hyper_parameters().items()}
    return {**keys, FINGERPRINT: fingerprint}


def check_origin(folder: Path, saved: dict[str, str], own: dict[str, str]) -> None:
    """Raises CheckpointError, naming the keys, when a folder's run began from another origin."""
    changed = sorted(key for key in own.keys() | saved.keys() if own.get(key) != saved.get(key))
    if not changed:
        return
    if changed == [FINGERPRINT]:
        what = "other data or another frozen model"
    else:
        what = f"another recipe; changed: {', '.join(key for key in changed if key != FINGERPRINT)}"
    raise CheckpointError(f"{folder}: this run began with {what}. Give the new one a folder of its own with --out.")
