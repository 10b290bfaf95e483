"""Manifest of an index: the encoder and gallery that it was built from and the hashes of its files."""

import datetime
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from ..command_names import REBUILD, indexing, rebuild
from ..errors import IndexCorruptError, IndexMismatchError, ManifestError
from ..hashing import file_sha256, json_sha256
from ..runtime.atomic_files import write_atomically

if TYPE_CHECKING:
    from ..encoders import Encoder
    from ..encoders.seat import Seat

NAME = "manifest.json"
FORMAT = 1
DEFAULT_STORE = "faiss"


class Identified(Protocol):
    """A gallery at `path`, or the builder's view of one, known by the `fingerprint` of its items."""

    path: Path

    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True)
class Manifest:
    """Content of `manifest.json`, whose digest is written beside it and checked at every opening.

    `gallery` has the keys fingerprint, license and count; `files` maps a file's name to its sha256, bytes and count of
    vectors. `metric` and `normalised` are those of the encoder's geometry. `created` is an ISO 8601 date. `store` names
    the kind of index store; the file says nothing of the default one, so that older manifests keep their digest.
    """

    seat: str
    checkpoint: str
    adapter: str | None
    encoder_fingerprint: str
    preprocessing_hash: str
    dim: int
    dtype: str
    normalised: bool
    metric: str
    factory: str
    gallery: dict[str, Any]
    files: dict[str, dict[str, Any]]
    code_version: str
    faiss_version: str
    created: str
    format: int = FORMAT
    store: str = DEFAULT_STORE

    @classmethod
    def of(cls, seat: "Seat", encoder: "Encoder", **rest: Any) -> Self:
        """Makes the manifest, as of now, of an index with the embeddings of `encoder`, which sits at `seat`.

        `rest` are the fields that neither of them gives.
        """
        return cls(
            seat=seat.key,
            checkpoint=seat.checkpoint,
            adapter=seat.adapter,
            encoder_fingerprint=encoder.fingerprint,
            preprocessing_hash=encoder.preprocessing_hash,
            dim=encoder.dim,
            normalised=encoder.geometry.normalised,
            metric=encoder.geometry.metric,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            **rest,
        )

    @property
    def content(self) -> dict[str, Any]:
        """The fields as the file holds them."""
        content = asdict(self)
        if self.store == DEFAULT_STORE:
            del content["store"]
        return content

    @property
    def digest(self) -> str:
        """Hash of the content (`hashing.json_sha256`), which betrays an edit."""
        return json_sha256(self.content)

    def write(self, directory: str | Path) -> Path:
        """Writes `manifest.json` into `directory`, whole or not at all."""
        path = Path(directory) / NAME
        text = json.dumps({**self.content, "digest": self.digest}, indent=2, ensure_ascii=False)
        write_atomically(path, text.encode() + b"\n")
        return path

    @classmethod
    def read(cls, directory: str | Path) -> Self:
        """Reads `manifest.json`. Raises ManifestError when it is missing, unreadable, edited or outdated."""
        path, again = Path(directory) / NAME, _again(directory)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            digest = content.pop("digest")
        except FileNotFoundError as error:
            raise ManifestError(
                f"{path}: there is no manifest, as no index was built here yet. "
                f"Build it: {indexing(path.parent.parent)}"
            ) from error
        except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
            raise ManifestError(f"{path}: the manifest cannot be read ({error!r}). {again}") from error
        if digest != json_sha256(content):
            raise ManifestError(f"{path}: the manifest was edited after it was written. {again}")
        known = {field.name for field in fields(cls)}
        if content.get("format") != FORMAT or {"store", *content} != known:
            raise ManifestError(f"{path}: the manifest is of another version of this program. {again}")
        return cls(**content)

    def verify_files(self, directory: str | Path, *names: str) -> None:
        """Compares the files `names` (all by default) with their size and hash. Raises IndexCorruptError."""
        again = _again(directory)
        for name in names or self.files:
            path = Path(directory) / name
            if name not in self.files:
                raise IndexCorruptError(f"{path}: the manifest does not list this file. {again}")
            if not path.is_file():
                raise IndexCorruptError(f"{path}: this file of the index is missing. {again}")
            have, want = path.stat().st_size, self.files[name]["bytes"]
            if have != want:
                fault = "truncated" if have < want else "too long"
                raise IndexCorruptError(f"{path}: the file is {fault}: {have:,} bytes, not {want:,}. {again}")
            if file_sha256(path) != self.files[name]["sha256"]:
                raise IndexCorruptError(f"{path}: the content of the file has changed. {again}")

    def verify_encoder(self, encoder: "Encoder", directory: str | Path | None = None) -> None:
        """Raises IndexMismatchError unless `encoder` is the one whose embeddings are in the index, at `directory`."""
        if encoder.fingerprint != self.encoder_fingerprint:
            built_by = self.checkpoint + (f" with {self.adapter}" if self.adapter else "")
            raise IndexMismatchError(
                f"The index “{self.seat}” was built by another encoder ({built_by}, fingerprint "
                f"{self.encoder_fingerprint[:12]}) than the one that queries it (fingerprint "
                f"{encoder.fingerprint[:12]}). {_again(directory)}"
            )

    def verify_gallery(self, gallery: Identified, directory: str | Path | None = None) -> None:
        """Raises IndexMismatchError unless the index, at `directory`, holds the items of `gallery`."""
        if gallery.fingerprint != self.gallery["fingerprint"]:
            raise IndexMismatchError(
                f"The index “{self.seat}” was built from another gallery than {gallery.path}. "
                f"{_again(directory, gallery.path)}"
            )


def _again(directory: str | Path | None, gallery: Path | None = None) -> str:
    """Command that builds the index of a seat's `directory` again, where that is known."""
    return REBUILD if directory is None else rebuild(Path(directory).parent, gallery)
