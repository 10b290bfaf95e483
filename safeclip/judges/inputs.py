"""Prepares images for every judge alike."""

from typing import TYPE_CHECKING

from ..errors import ImageError, JudgeError
from ..images.loading import to_rgb

if TYPE_CHECKING:
    from PIL import Image


def as_rgb(image: "Image.Image") -> "Image.Image":
    """Makes a new RGB image, transparent parts over white. Raises JudgeError for colours that cannot be read."""
    try:
        return to_rgb(image)
    except ImageError as error:
        raise JudgeError(str(error)) from error
