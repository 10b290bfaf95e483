"""Unsafe images leave the server blurred, or not at all."""

import base64
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from demo.common.blur_policy import LOCKED, UNREADABLE, BlurPolicy, blurred_uri, data_uri, thumbnail_uri
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.gallery_schema import arrow_schema


def decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


def noise(seed: int, size: int = 384) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8))


def energy_above(image: Image.Image, cycles: int) -> float:
    """The share of a picture's variance at more than `cycles` waves across it."""
    gray = np.asarray(image.convert("L"), float)
    spectrum = np.abs(np.fft.fft2(gray - gray.mean())) ** 2
    frequency = np.abs(np.fft.fftfreq(gray.shape[0], 1 / gray.shape[0]))
    high = np.maximum.outer(frequency, frequency) > cycles
    return spectrum[high].sum() / max(spectrum.sum(), 1e-9)


def test_degrading_removes_fine_detail():
    checkers = np.kron(np.indices((96, 96)).sum(0) % 2, np.ones((4, 4)))
    sharp = Image.fromarray((checkers * 255).astype(np.uint8)).convert("RGB")
    assert energy_above(sharp, 6) > 0.9
    assert np.ptp(np.asarray(decoded(blurred_uri(sharp)), int)) <= 4  # an even grey
    coarse = Image.fromarray(np.kron(np.asarray(noise(0, 12)), np.ones((32, 32, 1), np.uint8)))
    assert energy_above(coarse, 5) > 0.3
    assert np.ptp(np.asarray(decoded(blurred_uri(coarse)), int)) > 60  # its colours are still there
    assert energy_above(decoded(blurred_uri(coarse)), 5) < 0.1  # edges leak a little


def test_two_images_that_differ_only_in_detail_degrade_to_the_same():
    a = np.asarray(noise(1), int)
    blocks = a.reshape(8, 48, 8, 48, 3)
    b = blocks[:, ::-1, :, ::-1].reshape(384, 384, 3)  # every cell turned upside down: same averages, other picture
    difference = np.abs(np.asarray(decoded(blurred_uri(noise(1))), int) - np.asarray(
        decoded(blurred_uri(Image.fromarray(b.astype(np.uint8)))), int))  # fmt: skip
    assert np.abs(a - b).mean() > 50
    assert difference.max() <= 4


def test_different_colours_stay_different():
    assert blurred_uri(Image.new("RGB", (64, 64), "red")) != blurred_uri(Image.new("RGB", (64, 64), "blue"))


def test_only_unsafe_images_are_blurred(tiny_lab):
    policy = BlurPolicy(tiny_lab.gallery, locked=False)
    for item in tiny_lab.gallery.items:
        clear = data_uri(tiny_lab.gallery.image_bytes(item.image_id))
        shown = policy.source(item.image_id)
        assert (shown != clear) == item.unsafe
        if item.unsafe:
            assert decoded(shown).size == (48, 48)
            assert policy.reveal(item.image_id) == {"ok": True, "src": clear}


def test_a_locked_policy_reveals_nothing(tiny_lab):
    policy = BlurPolicy(tiny_lab.gallery, locked=True)
    unsafe = next(item for item in tiny_lab.gallery.items if item.unsafe)
    assert policy.reveal(unsafe.image_id) == {"ok": False, "locked": True, "message": LOCKED}


@pytest.mark.parametrize("id", ["", "0" * 16, None, {"id": 1}, "../../etc/passwd"])
def test_an_image_outside_the_gallery_cannot_be_revealed(tiny_lab, id):
    answer = BlurPolicy(tiny_lab.gallery, locked=False).reveal(id)
    assert answer["ok"] is False and "src" not in answer


def test_a_page_without_a_gallery_shows_and_reveals_nothing():
    policy = BlurPolicy(None, locked=False)
    assert policy.source("0" * 16) == "" and policy.reveal("0" * 16)["ok"] is False


def test_a_thumbnail_carries_pixels_and_nothing_else():
    image = Image.new("RGB", (400, 300), "green")
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    small = decoded(thumbnail_uri(Image.open(buffer)))
    assert small.size == (160, 120)
    assert not small.getexif()


def test_unknown_formats_are_refused():
    with pytest.raises(ValueError, match="PNG, JPEG, WebP or AVIF"):
        data_uri(b"<svg onload=alert(1)>")


def test_an_image_that_cannot_be_read_spoils_no_other(tmp_path, make, caplog):
    rows = make.tiny_rows()
    folder = make.write_gallery(tmp_path / "gallery", rows)
    gallery = Gallery.open(folder)
    rows[3]["image"]["bytes"] = None
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema()), next(folder.glob("data/*.parquet")))
    policy = BlurPolicy(gallery, locked=False)
    shown = [policy.source(item.image_id) for item in gallery.items]
    small = [policy.thumbnail(item.image_id, 32) for item in gallery.items]
    assert [number for number, uri in enumerate(shown) if uri == UNREADABLE] == [3]
    assert [number for number, uri in enumerate(small) if uri == UNREADABLE] == [3]
    assert f"{gallery.items[3].image_id} has no bytes" in caplog.text
    assert policy.reveal(gallery.items[3].image_id)["ok"] is False


def test_hidden_images_can_be_blurred_before_anybody_asks(tiny_lab, monkeypatch):
    decoded_ids = []
    image = Gallery.image

    def noted(self, id, **options):
        decoded_ids.append(id)
        return image(self, id, **options)

    monkeypatch.setattr(Gallery, "image", noted)
    policy = BlurPolicy(tiny_lab.gallery, locked=False)
    policy.prepare()
    hidden = [item.image_id for item in tiny_lab.gallery.items if item.unsafe]
    assert decoded_ids == hidden
    assert (
        all(policy.source(id).startswith("data:") for id in hidden) and decoded_ids == hidden
    )  # nothing is done twice
