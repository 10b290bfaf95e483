"""Broken files of every format, by the thousand: a picture or the library's own error, and never anything else."""

import io
import time
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from safeclip.errors import ImageError
from safeclip.images.loading import FORMATS, MAX_PIXELS, open_image

_SECONDS = 5  # of work, however busy the machine is; whoever hangs takes minutes


def valid_files() -> dict[str, bytes]:
    """A small file of every format, and of the odd kinds of some."""
    noise = np.random.default_rng(0).integers(0, 255, (24, 32, 4), dtype=np.uint8)
    colour, grey = Image.fromarray(noise[..., :3]), Image.fromarray(noise[..., 0])
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {format: (colour, format, {}) for format in FORMATS}
    kinds |= {
        "transparent PNG": (Image.fromarray(noise), "PNG", {}),
        "palette PNG": (colour.quantize(8), "PNG", {"transparency": 1}),
        "16-bit PNG": (Image.fromarray(noise[..., 0].astype(np.uint16) * 257), "PNG", {}),
        "CMYK JPEG": (colour.convert("CMYK"), "JPEG", {}),
        "turned JPEG": (colour, "JPEG", {"exif": exif}),
        "progressive JPEG": (grey, "JPEG", {"progressive": True}),
        "animated GIF": (grey, "GIF", {"save_all": True, "append_images": [grey.rotate(90, expand=False)]}),
        "animated WebP": (colour, "WEBP", {"save_all": True, "append_images": [colour.rotate(180)]}),
        "compressed TIFF": (colour, "TIFF", {"compression": "tiff_lzw"}),
        "floating-point TIFF": (grey.convert("F"), "TIFF", {}),
    }
    files = {}
    for name, (image, format, options) in kinds.items():
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        files[name] = buffer.getvalue()
    return files


FILES = valid_files()


def opened(data: bytes) -> Image.Image | None:
    """The picture in `data`, or None where `open_image` says in a sentence that there is none."""
    started = time.thread_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about what it found in the file
        try:
            image = open_image(data)
        except ImageError as error:
            assert str(error).endswith(".") and "\n" not in str(error)
            image = None
    assert time.thread_time() - started < _SECONDS
    if image is not None:
        assert image.mode == "RGB" and 0 < image.width * image.height <= MAX_PIXELS
        image.tobytes()
    return image


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_good_before_they_are_broken(name):
    assert sorted(opened(FILES[name]).size) == [24, 32]


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_file_with_wrong_bytes(name, data):
    content = bytearray(FILES[name])
    # most of what a reader believes is written at the beginning
    places = st.integers(0, len(content) - 1) | st.integers(0, min(63, len(content) - 1))
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=12)):
        content[place] = byte
    opened(bytes(content))


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_file_with_a_piece_missing_or_doubled(name, data):
    content = FILES[name]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    inserted = data.draw(st.sampled_from([b"", content[start:end] * 2, b"\0" * 40, b"\xff" * 40]))
    opened(content[:start] + inserted + content[end:])


@settings(max_examples=60)
@given(st.sampled_from(sorted(FILES)), st.binary(max_size=400))
def test_a_valid_header_followed_by_any_bytes_is_read_or_refused(name, rest):
    opened(FILES[name][: len(FILES[name]) // 4] + rest)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    opened(data)
