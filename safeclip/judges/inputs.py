"""Pictures as every judge reads them."""

from typing import TYPE_CHECKING

from ..errors import ImageError, JudgeError
from ..images.loading import to_rgb

if TYPE_CHECKING:
    from PIL import Image


def as_rgb(image: "Image.Image") -> "Image.Image":
    """A new RGB picture, what is transparent laid over white. Raises JudgeError for colours that cannot be read."""
    try:
        return to_rgb(image)
    except ImageError as error:
        raise JudgeError(str(error)) from error
