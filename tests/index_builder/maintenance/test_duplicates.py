"""Near duplicates by pixels and by embedding, against a comparison of each with each."""

import io
import json

import numpy as np
from PIL import Image

from index_builder.indexes.lookalikes import difference_hash, find_lookalikes
from tests.index_builder.images import noise


def test_hashes_are_compared_as_each_with_each():
    random = np.random.default_rng(5)
    hashes = random.integers(0, 256, (60, 8), np.uint8)
    for place, flips in ((7, 0), (8, 1), (9, 3), (10, 4)):
        bits = np.unpackbits(hashes[0])
        bits[random.choice(64, flips, replace=False)] ^= 1
        hashes[place] = np.packbits(bits)
    distance = np.unpackbits(hashes[:, None] ^ hashes[None], axis=2).sum(2)
    near = {(a, b, int(distance[a, b])) for a, b in np.argwhere(np.triu(distance <= 3, 1)).tolist()}
    found = {(pair.first, pair.second, pair.bits) for pair in find_lookalikes(hashes, 3)}
    assert found == {each for each in near if 7 not in each[:2]} | {(0, 7, 0)}, "image 0 stands for its copy"
    assert {(pair.first, pair.second) for pair in find_lookalikes(hashes, 0)} == {(0, 7)}


def test_the_hash_survives_scaling_and_compression():
    image = Image.open(io.BytesIO(noise(1)))
    buffer = io.BytesIO()
    image.resize((150, 140)).save(buffer, "JPEG", quality=60)
    changed = np.unpackbits(difference_hash(image) ^ difference_hash(Image.open(buffer)))
    other = np.unpackbits(difference_hash(image) ^ difference_hash(Image.open(io.BytesIO(noise(2)))))
    assert changed.sum() <= 3 < 10 < other.sum()


def test_pairs_are_listed_by_pixels_and_by_embedding(world, tmp_path, capsys):
    more = tmp_path / "more"
    more.mkdir()
    (more / "copy.png").write_bytes(noise(3, compress_level=1))
    (more / "copy.webp").write_bytes(noise(4, "WEBP", quality=90))
    assert world.command("add", more, "--judges", "none", "--quiet") == 0
    capsys.readouterr()
    assert world.command("duplicates", "--near", 0.99999, "--quiet") == 0
    assert "2 pairs of images differ in at most 3 of 64 bits" in capsys.readouterr().out
    lines = [json.loads(line) for line in (world.output / "duplicates.jsonl").read_text().splitlines()]
    assert [line["by"] for line in lines][:3] == ["pixels", "pixels", "embedding"]
    assert sorted(lines[0]["images"]) in [sorted(line["images"]) for line in lines if line["by"] == "embedding"]
    assert world.command("remove", lines[0]["images"][0], "--quiet") == 0
    assert world.command("duplicates", "--near", 0.99999, "--quiet") == 0
    assert lines[0]["images"][0] not in (world.output / "duplicates.jsonl").read_text()
    assert world.command("duplicates", "--bits", 4) == 1
