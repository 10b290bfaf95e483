"""What people upload, and what becomes of it."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from safeclip.errors import ImageError
from safeclip.images.loading import open_image

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def encode(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def assert_colour(image: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], within: int = 0) -> None:
    assert image.mode == "RGB"
    np.testing.assert_allclose(image.getpixel(at), colour, atol=within)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))))
def test_lossless_images_keep_their_pixels(array):
    image = Image.fromarray(array)
    for source in (image, array, encode(image, "PNG"), encode(image, "WEBP", lossless=True), encode(image, "BMP")):
        np.testing.assert_array_equal(np.asarray(open_image(source)), array)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "GIF", "TIFF", "PPM"])
def test_the_formats_of_the_web_are_read(format):
    data = encode(Image.new("RGB", (24, 16), RED), format)
    image = open_image(data)
    assert image.size == (24, 16)
    assert_colour(image, (5, 5), RED, within=6)


def test_a_path_is_read(tmp_path):
    Image.new("RGB", (3, 2), BLUE).save(tmp_path / "blue.png")
    assert_colour(open_image(tmp_path / "blue.png"), (0, 0), BLUE)
    assert_colour(open_image(str(tmp_path / "blue.png")), (0, 0), BLUE)


def test_cmyk():
    data = encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
    assert_colour(open_image(data), (8, 8), RED, within=4)


def test_16_bit_grey_is_scaled_and_not_clipped():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    data = encode(Image.fromarray(ramp), "PNG")
    assert Image.open(io.BytesIO(data)).mode.startswith("I;16")
    found = np.asarray(open_image(data))
    np.testing.assert_array_equal(found[..., 0], np.rint(ramp / 257))
    np.testing.assert_array_equal(open_image(ramp), found)


@pytest.mark.parametrize("peak", [1.0, 255.0, 65535.0, 1e6])
def test_floating_point_tiff_is_scaled_by_its_likely_white(peak):
    ramp = np.linspace(0, peak, 64, dtype=np.float32).reshape(8, 8)
    found = np.asarray(open_image(encode(Image.fromarray(ramp), "TIFF")))[..., 0]
    np.testing.assert_allclose(found, np.rint(ramp / peak * 255), atol=1)


def test_floating_point_with_holes():
    array = np.array([[np.nan, np.inf], [-1, 0.5]], np.float32)
    assert np.asarray(open_image(Image.fromarray(array)))[..., 0].tolist() == [[0, 255], [0, 128]]


def test_exif_rotation_is_applied():
    lying = Image.new("RGB", (40, 20), RED)
    lying.paste(BLUE, (20, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90° clockwise to see it upright
    image = open_image(encode(lying, "JPEG", exif=exif, quality=95))
    assert image.size == (20, 40)
    assert_colour(image, (10, 5), RED, within=6)
    assert_colour(image, (10, 35), BLUE, within=6)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_spoil_the_image():
    data = encode(Image.new("RGB", (16, 16), RED), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xffgarbage")
    assert_colour(open_image(data), (8, 8), RED, within=4)


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (10, 10), colour) for colour in (RED, BLUE, WHITE)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert_colour(open_image(data), (5, 5), RED)
    moved_on = Image.open(io.BytesIO(data))
    moved_on.seek(2)
    assert_colour(open_image(moved_on), (5, 5), RED)
    assert moved_on.tell() == 2
    assert_colour(moved_on.convert("RGB"), (5, 5), WHITE)


def test_an_animated_file_is_closed(tmp_path):
    frames = [Image.new("RGB", (10, 10), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)  # Python's, of a file that is open when nothing holds it
        open_image(tmp_path / "two.gif")
    assert caught == []


def test_transparency_is_laid_over_white():
    image = Image.new("RGBA", (4, 1))
    for x, alpha in enumerate((0, 51, 204, 255)):
        image.putpixel((x, 0), (255, 0, 0, alpha))
    found = open_image(encode(image, "PNG"))
    for x, fade in enumerate((255, 204, 51, 0)):
        assert_colour(found, (x, 0), (255, fade, fade), within=1)


def test_transparency_of_palettes_and_of_one_colour():
    palette = Image.new("P", (2, 1))
    palette.putpalette([*RED, *BLUE])
    palette.putpixel((1, 0), 1)
    found = open_image(encode(palette, "PNG", transparency=1))
    assert_colour(found, (0, 0), RED)
    assert_colour(found, (1, 0), WHITE)
    keyed = Image.new("RGB", (2, 1), BLUE)
    keyed.putpixel((1, 0), RED)
    found = open_image(encode(keyed, "PNG", transparency=BLUE))
    assert_colour(found, (0, 0), WHITE)
    assert_colour(found, (1, 0), RED)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGBX", "RGBA", "YCbCr", "HSV", "I", "F", "I;16", "LAB", "RGBa"]
)
def test_every_mode_of_pillow_becomes_rgb(mode):
    assert open_image(Image.new(mode, (3, 2))).mode == "RGB"


def test_colours_that_pillow_cannot_convert_are_reported():
    with pytest.raises(ImageError, match="colours La"):
        open_image(Image.new("La", (3, 2)))


def test_one_pixel_is_an_image(tiny_lab):
    image = open_image(encode(Image.new("L", (1, 1), 7), "PNG"))
    assert_colour(image, (0, 0), (7, 7, 7))
    assert tiny_lab.encoders["original"].encode_images([image]).shape == (1, 16)


def test_the_callers_image_is_left_alone():
    mine = Image.new("RGB", (3, 2), RED)
    open_image(mine).putpixel((0, 0), BLUE)
    assert_colour(mine, (0, 0), RED)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_truncated_file_is_reported(format, keep):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), format)
    with pytest.raises(ImageError, match="damaged or incomplete|cannot be read|not a picture"):
        open_image(data[: int(keep * len(data))])


@pytest.mark.parametrize("data", [b"hello", b"%PDF-1.7 ...", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 99])
def test_a_file_that_is_no_image_is_reported(data):
    with pytest.raises(ImageError, match="not a picture.*PNG, JPEG"):
        open_image(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC.*Save it as JPEG"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC.*Save it as JPEG"),
    ],
)
def test_an_empty_file_and_a_photo_as_phones_take_them_are_called_so(data, message, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(data)
    for source in (data, tmp_path / "photo.jpg", io.BytesIO(data)):
        with pytest.raises(ImageError, match=message):
            open_image(source)


@pytest.mark.parametrize("name", ["none.png", "."])
def test_a_path_that_is_no_file_is_reported(tmp_path, name):
    with pytest.raises(ImageError, match="cannot be read"):
        open_image(tmp_path / name)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing."""
    out = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", b"")):
        out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return out


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [7_072, 12_000, 60_000])
def test_too_many_megapixels_are_refused_before_they_are_decoded(side):
    with pytest.raises(ImageError, match="50 megapixels"):
        open_image(png_header(side, side))


def test_an_image_of_extreme_shape_is_refused():
    assert open_image(Image.new("L", (1, 100))).size == (1, 100)
    with pytest.raises(ImageError, match="101 × 1 pixels is too narrow"):
        open_image(Image.new("L", (101, 1)))


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_an_image_without_pixels_is_refused(size):
    with pytest.raises(ImageError, match=f"{size[0]} × {size[1]} pixels shows nothing"):
        open_image(Image.new("RGB", size))


def test_floats_beyond_0_to_1_are_refused_and_not_clipped():
    for value in (100.0, -0.5):
        with pytest.raises(ImageError, match=rf"from {value:g} to {value:g} is no picture.*from 0 to 1, or uint8"):
            open_image(np.full((4, 4, 3), value))
    rounded = np.array([[-1e-3, 1.001, np.nan, np.inf]], np.float32)
    assert np.asarray(open_image(rounded))[0, :, 0].tolist() == [0, 255, 0, 255]


def test_arrays():
    grey = np.array([[0.0, 0.5, 1.0]])
    assert np.asarray(open_image(grey))[0, :, 0].tolist() == [0, 128, 255]
    assert np.asarray(open_image(grey[:, :, None]))[0, :, 1].tolist() == [0, 128, 255]
    assert np.asarray(open_image(grey > 0.7))[0, :, 2].tolist() == [0, 0, 255]
    assert np.asarray(open_image(np.zeros((2, 2, 4), np.uint8))).min() == 255  # transparent


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (1, 2, 3, 3), (0, 5), ()])
def test_arrays_of_another_shape_are_reported(shape):
    with pytest.raises(ImageError, match="shape"):
        open_image(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, complex, "datetime64[s]"])
def test_arrays_of_another_type_are_reported(dtype):
    with pytest.raises(ImageError, match="uint8"):
        open_image(np.zeros((2, 2), dtype))


@pytest.mark.parametrize("value", [None, 3, [Image.new("RGB", (9, 9))], {"path": "x.png"}])
def test_what_cannot_hold_an_image_is_reported_by_its_type(value):
    with pytest.raises(ImageError, match=f"of type {type(value).__name__} is no picture; give a path"):
        open_image(value)
