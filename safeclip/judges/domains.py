"""Kinds of pictures and of harm, by which a judge declares what it is valid for.

An image outside a judge's domain, or one that holds a harm which the judge does not look for, is *not judged* by it,
whatever number the judge gives.
"""

from pathlib import Path

from ..runtime.checkpoint_names import is_open_clip, is_repository

EMBEDDED_SCENES = "embedded scenes"  # drawn from emoji artwork, as the zoo's gallery and pipeline give them
PHOTOGRAPHS = "photographs"

SEXUAL = "sexual content"
VIOLENCE = "violence"
HARMS = (SEXUAL, VIOLENCE)  # an image is safe only where each of them was looked for


def domain_of(name: str) -> str:
    """The kind of pictures of a gallery or a model, as a profile names it; "" where the name does not say.

    Models of the hub, and open_clip's, were trained on photographs.
    """
    if Path(name).parts[:1] == ("zoo",):
        return EMBEDDED_SCENES
    return PHOTOGRAPHS if is_repository(name) or is_open_clip(name) else ""
