"""Opens whatever a visitor uploads as an upright RGB image, or raises ImageError with what is wrong with it."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import ImageError, first_line, short_reason

MAX_PIXELS = 50_000_000
# The shorter side is resized to what the model reads; done to 1 × 50,000 pixels, that would fill the memory.
MAX_ASPECT_RATIO = 100
_UNNAMED = "The picture"  # begins the messages about one that is not a file
ImageSource = str | Path | bytes | Image.Image | np.ndarray
# A HEIC file names one of these brands among its first bytes.
_HEIC, _HEAD = (b"heic", b"heix", b"hevc", b"heim", b"heis"), 32
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")


def open_image(source: ImageSource) -> Image.Image:
    """Reads an image from a path, encoded bytes, a PIL image or an array (H, W[, 1 | 3 | 4]).

    An array is uint8, uint16, bool, or float from 0 to 1. EXIF rotation is applied, transparency is laid over white,
    16 bits become 8, and an animation gives its first frame. The result is a new RGB image.
    An animation that the caller opened stays at its frame. Raises ImageError for data that is no image, is damaged,
    has no pixels or more than 50 megapixels, or is narrower than 1:100, and for an array of floats beyond 0 to 1.
    """
    name = Path(source).name if isinstance(source, str | Path) else _UNNAMED
    if isinstance(source, np.ndarray):
        return _first_frame(_from_array(source), name)
    if isinstance(source, Image.Image):
        frame = source.tell()
        found = _first_frame(source, name)
        source.seek(frame)
        return found
    if not isinstance(source, str | Path | bytes) and not hasattr(source, "read"):
        kind = type(source).__name__
        raise ImageError(f"An input of type {kind} is no picture; give a path, bytes, a PIL image or an array.")
    with _from_file(io.BytesIO(source) if isinstance(source, bytes) else source, name) as image:
        return _first_frame(image, name)


def reason_of(error: ImageError) -> str:
    """The message of an error of `open_image`, for a list that names the picture already."""
    return str(error).removeprefix(f"{_UNNAMED}: ")


def _first_frame(image: Image.Image, name: str) -> Image.Image:
    _check_size(image, name)
    try:
        image.seek(0)
        image.load()
    except Exception as error:
        raise _damaged(error, name) from error
    return to_rgb(_upright(image), name)


def _damaged(error: Exception, name: str) -> ImageError:
    """Of what a broken file leads Pillow's readers to, which is anything: struct.error, IndexError, …"""
    return ImageError(f"{name}: the file is damaged or incomplete ({first_line(error)}). Try another copy.")


def _from_file(file: str | Path | io.BytesIO, name: str) -> Image.Image:
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(f"{name}: {_why_unknown(file)}") from error
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{name}: the picture has far more than {_megapixels(MAX_PIXELS)}. Make it smaller."
        ) from error
    except Exception as error:  # errors of the system, and whatever a broken header leads Pillow's readers to
        raise ImageError(f"{name}: the file cannot be read ({short_reason(error)}).") from error


def _why_unknown(file: str | Path | io.BytesIO) -> str:
    """What is wrong with a file of no known format, and what to do."""
    try:
        if isinstance(file, str | Path):
            with open(file, "rb") as opened:
                head = opened.read(_HEAD)
        else:
            file.seek(0)
            head = file.read(_HEAD)
    except OSError:
        head = b"?"
    if not head:
        return "the file is empty. Try another copy."
    if head[4:8] == b"ftyp" and any(brand in head[8:] for brand in _HEIC):
        return "a HEIC picture, as phones take them, cannot be read. Save it as JPEG."
    return f"this is not a picture. Use one of {', '.join(FORMATS)}."


def _from_array(array: np.ndarray) -> Image.Image:
    shaped = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if not shaped or not array.size:
        raise ImageError(f"An array of shape {array.shape} is no picture; use (H, W), (H, W, 3) or (H, W, 4).")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype == np.uint16:
        array = _eight_bits(array, 65535)
    elif array.dtype.kind in "bf":
        if array.dtype.kind == "f":
            _check_range(array)
        array = _eight_bits(array, 1)
    elif array.dtype != np.uint8:
        raise ImageError(f"An array of {array.dtype} is no picture; use uint8, uint16, or float from 0 to 1.")
    return Image.fromarray(np.ascontiguousarray(array))


def _check_range(array: np.ndarray) -> None:
    """Raises ImageError where a finite number lies further from 0 to 1 than rounding to 8 bits makes good."""
    finite = np.isfinite(array)
    low, high = np.min(array, initial=np.inf, where=finite), np.max(array, initial=-np.inf, where=finite)
    if low < -0.5 / 255 or high > 1 + 0.5 / 255:
        raise ImageError(
            f"An array of {array.dtype} from {low:g} to {high:g} is no picture; "
            "give floats from 0 to 1, or uint8 from 0 to 255."
        )


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    _check_not_empty(image, name)
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name}: the picture has {_megapixels(width * height)} ({width} × {height}); "
            f"at most {_megapixels(MAX_PIXELS)} are taken. Make it smaller."
        )
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise ImageError(f"{name}: a picture of {width} × {height} pixels is too narrow to be read. Crop it.")


def _check_not_empty(image: Image.Image, name: str) -> None:
    width, height = image.size
    if not width * height:
        raise ImageError(f"{name}: a picture of {width} × {height} pixels shows nothing. Give one of 1 × 1 or more.")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the pixels are good, only the EXIF block is not: many cameras write broken ones
        return image


def to_rgb(image: Image.Image, name: str = _UNNAMED) -> Image.Image:
    """Converts an image of any mode to a new RGB one: transparency over white, 16 bits to 8.

    Raises ImageError for one without pixels, from a damaged or closed file, and in colours that cannot become RGB.
    `name` begins the error's message.
    """
    _check_not_empty(image, name)
    try:
        image.load()
    except Exception as error:
        raise _damaged(error, name) from error
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        array = np.asarray(image)  # scaled by hand, because convert() clips
        peak = 65535 if image.mode.startswith("I;16") else _likely_peak(array)
        return Image.fromarray(_eight_bits(array, peak)).convert("RGB")
    try:
        if image.has_transparency_data:
            layer = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
        return image.convert("RGB")
    except Exception as error:
        raise ImageError(f"{name}: a picture in the colours {image.mode} cannot be read. Save it as RGB.") from error


def _likely_peak(array: np.ndarray) -> float:
    """The value of white in an image of 32-bit numbers, which does not say: 1, 255, 65535, or its own maximum."""
    largest = float(np.max(array, initial=0, where=np.isfinite(array)))
    return next((peak for peak in (1, 255, 65535) if largest <= peak), largest)


def _eight_bits(array: np.ndarray, peak: float) -> np.ndarray:
    finite = np.nan_to_num(array.astype(np.float32), posinf=peak, neginf=0)
    scaled = finite * np.float32(255 / peak)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.0f} megapixels"
