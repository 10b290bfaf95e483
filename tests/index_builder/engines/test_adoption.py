"""Existing embeddings: taken over where a sample agrees with the encoder, refused where it does not."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from index_builder.engines.local import local_engine
from index_builder.errors import BuildError
from index_builder.gallery.importer import import_source
from index_builder.options import SourceOptions
from index_builder.store.shard_store import ShardStore
from safeclip.hashing import content_id
from safeclip.images.loading import open_image
from tests.fakes.vectors import unit
from tests.index_builder.images import noise


@pytest.fixture
def made(rows, tiny_encoders, tmp_path):
    """A folder as clip-retrieval writes it, of half of the rows, for two seats in half precision; and the images."""
    images = tmp_path / "images"
    images.mkdir()
    for number, row in enumerate(rows):
        (images / f"{number:02d}.png").write_bytes(row["image"]["bytes"])
    for key in ("original", "safe"):
        folder = tmp_path / "made" / key
        for name in ("metadata", "img_emb", "text_emb"):
            (folder / name).mkdir(parents=True)
        pictures = tiny_encoders[key].encode_images([open_image(row["image"]["bytes"]) for row in rows])
        texts = tiny_encoders[key].encode_texts([row["caption"] for row in rows])
        for part, place in enumerate((slice(0, 5), slice(5, 12))):
            names = [{"image_path": f"{n:02d}.png", "caption": row["caption"]} for n, row in enumerate(rows)][place]
            pq.write_table(pa.Table.from_pylist(names), folder / f"metadata/metadata_{part}.parquet")
            np.save(folder / f"img_emb/img_emb_{part}.npy", pictures[place].astype(np.float16))
            np.save(folder / f"text_emb/text_emb_{part}.npy", texts[place].astype(np.float16))
    return tmp_path / "made"


@pytest.fixture
def build(run, made, tmp_path):
    """Builds with the embeddings as the source of a new gallery; returns the numbers of rows that were embedded."""

    def build_with() -> tuple[dict, list[tuple[str, int]]]:
        embedded = []

        def counting(task):
            def engine(batches):
                batches = list(batches)
                embedded.extend((seat.key, len(batch.rows)) for batch in batches for seat in task.seats)
                return local_engine(task)(batches)

            return engine

        images = tmp_path / "images"
        return run(counting, gallery=tmp_path / "taken", sources=(f"embeddings:{made}",), images=images), embedded

    return build_with


def test_embeddings_are_taken_over_and_only_the_others_computed(build, made, tmp_path, tiny_encoders):
    report, embedded = build()
    assert {key for key, _ in embedded} == {"ours"}
    store = ShardStore(tmp_path / "index" / "shards")
    for key in ("original", "safe"):
        stored = [vectors for _, vectors in store.shards("images", tiny_encoders[key].fingerprint)]
        given = [np.load(made / key / f"img_emb/img_emb_{part}.npy") for part in range(2)]
        assert sorted(map(len, stored)) == sorted(map(len, given)) == [5, 7]
        rows = np.sort(np.concatenate(stored), axis=0)
        np.testing.assert_allclose(rows, np.sort(np.concatenate(given).astype(np.float32), axis=0), atol=1e-3)
    assert report["indexes"]["safe"]["images"] == 12
    assert build()[1] == []


def test_a_foreign_encoder_is_refused_as_a_whole(build, made, tmp_path):
    for part, n in enumerate((5, 7)):
        np.save(made / f"safe/img_emb/img_emb_{part}.npy", unit(part, n).astype(np.float16))
    with pytest.raises(BuildError, match="are not those of “safe”: of 12 rows embedded again, a median cosine of"):
        build()


def test_embeddings_of_another_width_are_refused(build, made):
    for part, n in enumerate((5, 7)):
        np.save(made / f"original/img_emb/img_emb_{part}.npy", unit(part, n, 9))
    with pytest.raises(BuildError, match="are 9 wide"):
        build()


def test_files_that_do_not_fit_together(build, made):
    np.save(made / "original/img_emb/img_emb_1.npy", unit(0, 3))
    with pytest.raises(BuildError, match=r"img_emb_1.npy: the array is \(3, 16\), but its metadata has 7 rows"):
        build()


def test_a_seat_that_the_profile_lacks(build, made):
    (made / "safe").rename(made / "sage")
    with pytest.raises(BuildError, match="there is no seat 'sage'"):
        build()


def test_pictures_of_another_source_with_the_same_names_are_embedded_and_not_taken_over(
    run, made, tmp_path, tiny_encoders
):
    others = tmp_path / "others"
    others.mkdir()
    for number in range(3):
        (others / f"{number:02d}.png").write_bytes(noise(40 + number))
    sources = (f"folder:{others}", f"embeddings:{made}")
    run(local_engine, gallery=tmp_path / "taken", sources=sources, images=tmp_path / "images")
    encoder, store = tiny_encoders["safe"], ShardStore(tmp_path / "index" / "shards")
    shards = store.shards("images", encoder.fingerprint)
    stored = {id: row for ids, rows in shards for id, row in zip(ids.tolist(), rows, strict=True)}
    for number in range(3):
        (expected,) = encoder.encode_images([open_image(noise(40 + number))])
        np.testing.assert_allclose(stored[int(content_id(noise(40 + number)), 16)], expected, atol=1e-2)


def test_they_are_found_where_an_older_file_of_the_gallery_was_deleted(build, tmp_path):
    for number in range(2):
        other = tmp_path / f"other-{number}"
        other.mkdir()
        (other / "other.png").write_bytes(noise(40 + number))
        import_source(str(other), tmp_path / "taken", SourceOptions())
    (tmp_path / "taken" / "data" / "test-00000.parquet").unlink()
    _, embedded = build()
    assert sum(rows for key, rows in embedded if key == "safe") == 1, "the other picture alone"
