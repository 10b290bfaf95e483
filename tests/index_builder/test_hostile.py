"""A folder with everything that can be wrong with an image: one reason for each, and nothing lost."""

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index_builder.cli import main
from safeclip.retrieval.gallery import Gallery
from tests.index_builder.images import noise
from tests.index_builder.test_build import huge_png

SCRIPTS = (
    "größe",
    "écran",
    "дом",
    "房子",
    "家",
    "בית",
    "بيت",
    "घर",
    "🏠",
    "a b'c\"d",
    "new\nline",
    "-rf",
    "line\u2028end\x85",
)


def encoded(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def image(seed: int) -> Image.Image:
    return Image.open(io.BytesIO(noise(seed))).convert("RGB")


def fill(top: Path) -> tuple[set[str], dict[str, str]]:
    """Names of the files that hold an image, and a word of the reason for each of the others."""
    turned = Image.Exif()
    turned[0x0112] = 6
    deep = Image.fromarray(np.arange(48 * 48, dtype=np.uint16).reshape(48, 48) * 28)
    frames = [image(seed) for seed in (60, 61, 62)]
    good = {
        "plain.png": noise(1),
        "cmyk.jpg": encoded(image(50).convert("CMYK"), "JPEG"),
        "sixteen-bits.png": encoded(deep, "PNG"),
        "sixteen-bits.tiff": encoded(deep.transpose(Image.Transpose.ROTATE_90), "TIFF"),
        "animation.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "animation.webp": encoded(frames[1], "WEBP", save_all=True, append_images=frames[2:]),
        "turned.jpg": encoded(image(51).resize((48, 24)), "JPEG", exif=turned),
        "palette.png": encoded(image(52).convert("P"), "PNG"),
        "transparent.png": encoded(image(53).convert("RGBA"), "PNG"),
        "animation.png": encoded(frames[2], "PNG", save_all=True, append_images=frames[:2]),
        "dot.png": encoded(Image.new("RGB", (1, 1), "red"), "PNG"),
        "folder.png/inside.png": noise(5),
        "deep/er/still.bmp": encoded(image(54), "BMP"),
    } | {f"{name}.png": noise(100 + number) for number, name in enumerate(SCRIPTS)}
    bad = {
        "truncated.png": (noise(2)[:-40], "damaged"),
        "truncated.jpg": (encoded(image(3), "JPEG")[:-200], "damaged"),
        "empty.png": (b"", "empty"),
        "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not a picture"),
        "text.png": (b"<html>404</html>", "not a picture"),
        "bomb.png": (huge_png(), "megapixels"),
        "torn\u2028name.png": (b"torn", "not a picture"),
        "ribbon.png": (encoded(Image.new("RGB", (900, 2)), "PNG"), "narrow"),
        "z-again.png": (noise(1), "repeats"),
    }
    for name, data in (good | {name: data for name, (data, _) in bad.items()}).items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    broken = os.fsencode(top) + b"/\xff\xfe broken.png"
    with open(broken, "wb") as file:
        file.write(noise(4))
    (top / "deep" / "loop").symlink_to(top)
    (top / "itself.png").symlink_to("itself.png")
    (top / "nowhere.png").symlink_to("missing.png")
    os.mkfifo(top / "pipe.png")
    reasons = {name: reason for name, (_, reason) in bad.items()}
    reasons |= {"deep/loop": "listed already", "itself.png": "symbolic links", "nowhere.png": "No such file"}
    return {*good, "\\xff\\xfe broken.png"}, reasons | {"pipe.png": "not a regular file"}


def left_out(gallery: Path) -> dict[str, str]:
    lines = [json.loads(line) for line in (gallery / "quarantine.jsonl").read_text().split("\n")[:-1]]
    assert len({line["file_name"] for line in lines}) == len(lines), "one reason each"
    return {line["file_name"]: line["reason"] for line in lines}


def test_every_file_is_stored_or_has_one_reason(run, tmp_path, capsys):
    top, gallery = tmp_path / "hostile", tmp_path / "gallery"
    top.mkdir()
    good, bad = fill(top)
    assert main(["import", str(top), str(gallery), "--judges", "none", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert f"{len(good)} images stored, 1 repeated, {len(bad) - 1} quarantined" in shown
    reasons = left_out(gallery)
    assert {name: bad[name] in reason for name, reason in reasons.items()} == dict.fromkeys(bad, True)
    assert len(Gallery.open(gallery)) == len(good)
    assert main(["import", str(top), str(gallery), "--judges", "none", "--quiet"]) == 0
    assert left_out(gallery).items() < reasons.items(), "a second time nothing is new, and nothing repeats"
    report = run(gallery=gallery)
    assert report["indexes"]["safe"]["images"] == len(good) and report["counts"]["images"]["quarantined"] == 0


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "captions.jsonl",
            '{"file_name": "a.png", "caption": "half \\ud800 a pair\u2028and a line", "category": "\\udcff"}',
        ),
        ("captions.csv", "file_name,caption,category\r\na.png,half ? a pair\u2028and a line,?\r\n"),
    ],
)
def test_texts_that_are_not_well_formed_are_stored_as_far_as_they_go(tmp_path, file, text):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(noise(1))
    (tmp_path / "images" / file).write_text(text, encoding="utf-8", newline="")
    assert main(["import", str(tmp_path / "images"), str(tmp_path / "g"), "--judges", "none", "--quiet"]) == 0
    (item,) = Gallery.open(tmp_path / "g").items
    assert (item.caption, item.category) == ("half ? a pair and a line", "?")


def test_folders_that_cannot_hold_a_gallery_or_an_index_are_named(tmp_path, tiny_profile, tiny_gallery, capsys):
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.png").write_bytes(noise(1))
    assert main(["import", str(images), str(images / "gallery"), "--judges", "none"]) == 1
    assert "would lie inside its source" in capsys.readouterr().err and not (images / "gallery").exists()
    assert main(["import", str(images), str(images / "a.png" / "gallery"), "--judges", "none"]) == 1
    other = str(images / "a.png" / "index")
    assert main(["build", "--profile", str(tiny_profile), "--gallery", str(tiny_gallery), "--output", other]) == 1
    assert f"The folder {other} cannot be made (Not a directory)" in capsys.readouterr().err


@contextlib.contextmanager
def unprivileged():
    """Reads and writes as "nobody" inside the block where this process is root, which may open everything."""
    root = os.geteuid() == 0
    if root:
        os.setegid(65534)
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
            os.setegid(0)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_files_that_may_not_be_read_are_listed(capsys):
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        top, gallery = Path(place) / "images", Path(place) / "gallery"
        (top / "closed").mkdir(parents=True)
        for name in ("open.png", "closed.png", "closed/inside.png"):
            (top / name).write_bytes(noise(len(name)))
        assert main(["import", str(top), f"{place}/warm", "--judges", "none", "--quiet"]) == 0  # imports its modules
        for closed, mode in ((top / "closed.png", 0), (top / "closed", 0), (Path(place), 0o777)):
            closed.chmod(mode)
        with unprivileged():
            status = main(["import", str(top), str(gallery), "--judges", "none", "--quiet"])
        (top / "closed").chmod(0o755)
        assert status == 0 and "1 images stored, 2 quarantined" in capsys.readouterr().out
        assert left_out(gallery) == dict.fromkeys(("closed", "closed.png"), "cannot be read: Permission denied")
