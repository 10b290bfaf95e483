"""A world made in seconds: 12 pictures with captions, a profile of three seats, an index."""

import io
from collections.abc import Sequence
from pathlib import Path

import faiss
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

import safeclip
from safeclip.encoders import Encoder
from safeclip.hashing import content_id, file_sha256
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.gallery_schema import arrow_schema
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.stores.faiss_store import FaissStore

SUBJECTS = ("chef", "dog", "robot", "farmer", "pilot", "witch")
PLACES = ("kitchen", "beach", "forest", "street", "garden", "castle")
SAFE_OBJECTS = ("spoon", "kite", "balloon", "carrot", "lollipop", "broom")
UNSAFE_OBJECTS = ("knife", "bomb", "pistol", "syringe", "cigarette", "coffin")
CATEGORIES = ("violence", "violence", "harassment", "illegal activity", "self-harm", "shocking")


def caption_of(subject: str, thing: str, place: str) -> str:
    return f"a {subject} holding a {thing} in the {place}"


def tiny_rows() -> list[dict]:
    """12 gallery rows, each safe one followed by its unsafe twin, pictures as lossless WebP."""
    rows = []
    for i, (subject, place) in enumerate(zip(SUBJECTS, PLACES, strict=True)):
        for unsafe, things in ((False, SAFE_OBJECTS), (True, UNSAFE_OBJECTS)):
            image = Image.new("RGB", (64, 48), (40 * i, 255 - 40 * i, 128))
            box = (8 + 4 * i, 8, 28 + 4 * i, 36)
            draw = ImageDraw.Draw(image)
            (draw.rectangle if unsafe else draw.ellipse)(box, fill=(200, 30 * i, 0) if unsafe else (0, 30 * i, 200))
            buffer = io.BytesIO()
            image.save(buffer, "WEBP", lossless=True)
            caption, data = caption_of(subject, things[i], place), buffer.getvalue()
            rows.append(
                {
                    "image": {"bytes": data, "path": None},
                    "image_id": content_id(data),
                    "caption": caption,
                    "caption_id": content_id(caption),
                    "unsafe": unsafe,
                    "category": CATEGORIES[i] if unsafe else "",
                    "subject": subject,
                    "object": things[i],
                    "place": place,
                    "style": "plain",
                    "twin": rows[-1]["image_id"] if unsafe else content_id(data),
                }
            )
    return rows


def write_gallery(directory: Path, rows: list[dict]) -> Path:
    (directory / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema()), directory / "data" / "test-00000-of-00001.parquet")
    (directory / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# Twelve pictures\n")
    return directory


def write_profile(
    directory: Path, clip: Path, adapters: tuple[Path, ...], gallery: Path, index: Path, *, others: Sequence[str] = ()
) -> Path:
    """A profile of CLIP, a Safe-CLIP for each adapter (two at most), and `others`, which are TOML's inline tables."""
    path = directory / "tiny.toml"
    labels = {"safe": "Safe-CLIP", "ours": "Safe-CLIP + mixed-gallery"}
    seats = [
        f"{{ key = 'original', label = 'CLIP', checkpoint = '{clip}' }}",
        *(
            f"{{ key = '{key}', label = '{label}', checkpoint = '{clip}', adapter = '{adapter}' }}"
            for (key, label), adapter in zip(labels.items(), adapters, strict=False)
        ),
        *others,
    ]
    path.write_text(
        f"""
title = "Tiny"
description = "Random weights, twelve pictures."
license = "Apache-2.0"
seats = [{", ".join(seats)}]

[retrieval]
gallery = '{gallery}'
index = '{index}'
"""
    )
    return path


def build_index(directory: Path, seat, encoder: Encoder, gallery: Gallery) -> Path:
    """The image and caption indexes of one seat with their manifest, as index_builder lays them out."""
    directory.mkdir(parents=True)
    images = [item.image_id for item in gallery.items]
    vectors = {
        "images": (images, encoder.encode_images([gallery.image(id) for id in images])),
        "captions": (list(gallery.captions), encoder.encode_texts(list(gallery.captions.values()))),
    }
    files = {}
    for name, (ids, rows) in vectors.items():
        path = directory / f"{name}.faiss"
        FaissStore.build(ids, rows).save(path)
        files[path.name] = {"sha256": file_sha256(path), "bytes": path.stat().st_size, "count": len(ids)}
    Manifest.of(
        seat,
        encoder,
        dtype="float16",
        factory="IDMap,SQfp16",
        gallery={"fingerprint": gallery.fingerprint, "license": gallery.license, "count": len(gallery)},
        files=files,
        code_version=safeclip.__version__,
        faiss_version=faiss.__version__,
    ).write(directory)
    return directory
