"""Map of the embedding space: a fixed 2-D projection of the gallery, on which queries are placed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..command_names import rebuild
from ..errors import IndexCorruptError, IndexMismatchError

if TYPE_CHECKING:
    from ..encoders import Encoder

NAME = "projection.json"

_DIGITS = 5
_SEAL = ',"digest":'  # begins the last entry of the file: the SHA-256 of all that stands before it


@dataclass(frozen=True)
class Projection:
    """Orthographic projection of one modality's embeddings.

    `origin` (d,) is the gallery's mean, `axes` (2, d) are orthonormal, `points` maps ids to (x, y).
    """

    origin: np.ndarray
    axes: np.ndarray
    points: dict[str, tuple[float, float]]

    @classmethod
    def fit(cls, ids: Sequence[str], vectors: np.ndarray, unsafe: np.ndarray) -> Self:
        """Fits the axes to `vectors` (n, d), of which `unsafe` (n,) bool are unsafe.

        x points from the mean of the safe to the mean of the unsafe; y is the first principal component of
        what remains when x is taken out. Without both kinds, x is the first principal component.
        """
        vectors, unsafe = np.asarray(vectors, np.float64), np.asarray(unsafe, bool)
        origin = vectors.mean(0)
        centred = vectors - origin
        if unsafe.any() and not unsafe.all():
            x = vectors[unsafe].mean(0) - vectors[~unsafe].mean(0)
        else:
            x = _principal(centred)
        x /= max(np.linalg.norm(x), np.finfo(float).tiny)
        y = _principal(centred - np.outer(centred @ x, x))
        projection = cls(origin.round(_DIGITS), np.stack([x, y]).round(_DIGITS), {})
        projection.points.update(zip(ids, map(tuple, projection(vectors).tolist()), strict=True))
        return projection

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Projects vectors (n, d) to points (n, 2) float64, rounded as the stored points are."""
        return np.round((np.asarray(vectors, np.float64) - self.origin) @ self.axes.T, _DIGITS)


@dataclass(frozen=True)
class EmbeddingMap:
    """Content of `projection.json`: the projections of images and of captions, fitted to one reference encoder.

    `digest` is that of the file which was read; "" for a file of an earlier version, which has none.
    """

    reference_fingerprint: str
    images: Projection
    captions: Projection
    digest: str = ""

    def write(self, path: str | Path) -> None:
        """Writes the file with a digest of its content, which is checked at every reading."""
        content = {
            "reference_fingerprint": self.reference_fingerprint,
            "images": _to_json(self.images),
            "captions": _to_json(self.captions),
        }
        body = json.dumps(content, separators=(",", ":")).removesuffix("}")
        Path(path).write_bytes((body + _seal_of(body)).encode())

    @classmethod
    def read(cls, path: str | Path, encoder: "Encoder") -> Self:
        """Reads a map that was fitted to `encoder`. Raises IndexCorruptError or IndexMismatchError."""
        again = rebuild(Path(path).parent)
        try:
            text = Path(path).read_bytes().decode()
            content = json.loads(text)
            digest = content.pop("digest", "")
            images, captions = (_from_json(content.pop(key)) for key in ("images", "captions"))
            fingerprint = content.pop("reference_fingerprint")
        except FileNotFoundError as error:
            raise IndexCorruptError(f"{path}: the map is missing. {again}") from error
        except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
            raise IndexCorruptError(f"{path}: the map cannot be read ({error!r}). {again}") from error
        body, *_ = text.rpartition(_SEAL)
        if content or (digest and text != body + _seal_of(body)):
            raise IndexCorruptError(f"{path}: the content of the map has changed. {again}")
        if fingerprint != encoder.fingerprint:
            raise IndexMismatchError(f"{path}: the map was drawn for another reference encoder. {again}")
        return cls(fingerprint, images, captions, digest)


def _seal_of(body: str) -> str:
    """The end of a file that begins with `body`."""
    return f'{_SEAL}"{hashlib.sha256(body.encode()).hexdigest()}"}}\n'


def _principal(centred: np.ndarray) -> np.ndarray:
    """Finds the direction (d,) of largest variance; its largest component is positive, so that it never flips."""
    direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    return direction * np.sign(direction[np.abs(direction).argmax()])


def _to_json(projection: Projection) -> dict[str, Any]:
    return {
        "origin": projection.origin.tolist(),
        "axes": projection.axes.tolist(),
        "points": projection.points,
    }


def _from_json(content: dict[str, Any]) -> Projection:
    points = {id: (float(x), float(y)) for id, (x, y) in content["points"].items()}
    return Projection(np.array(content["origin"], float), np.array(content["axes"], float), points)
