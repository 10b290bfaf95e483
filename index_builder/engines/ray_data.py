"""Engine `ray`: embeds on a Ray cluster, through Ray Data with a pool of actors that hold the encoders.

The cluster is the one at `RAY_ADDRESS`, else one that is started on this machine. Every node must see the gallery and
the checkpoints at the same paths.
"""

from __future__ import annotations

import logging
import os
import pickle
import platform
import socket
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import ray
import ray.data
import torch
from ray.exceptions import RayError

from safeclip.encoders.encoder_set import EncoderSet
from safeclip.errors import first_line
from safeclip.profiles import Seat

from ..errors import BuildError
from ..gallery.reader import GalleryReader
from .batches import Batch, EmbeddedBatch, EmbeddingTask, Engine, embed_batch

# Batches that are handed to Ray at a time: their numbers are in memory, and the actors load the encoders once for them.
WINDOW = 4096


def ray_engine(task: EmbeddingTask, window: int = WINDOW) -> Engine:
    """Engine of a cluster: an actor for each GPU, or for each core where there is none. Results keep their order."""

    def run(batches: Iterable[Batch]) -> Iterator[EmbeddedBatch]:
        waiting = iter(batches)
        while part := list(islice(waiting, window)):
            try:
                yield from _embed_all(part, task)
            except RayError as error:
                raise BuildError(
                    f"The engine ray stopped: {_cause(error)}. What was embedded is kept: give the same command again "
                    "to go on."
                ) from error

    return run


class EmbeddingActor:
    """Embeds batches in a process of the cluster, with encoders of its own, which must be those of the build."""

    def __init__(
        self, reader: GalleryReader, seats: tuple[Seat, ...], fingerprints: tuple[str, ...], device: str | None
    ):
        """Loads the encoders. Raises BuildError when a checkpoint of this node is another than that of the build."""
        if device == "cpu":  # one thread a batch, as the engine `local` does: the same sums in the same order
            torch.set_num_threads(1)
        loaded = EncoderSet(seats, device=device)
        encoders = tuple(loaded[seat.key] for seat in seats)
        for seat, encoder, fingerprint in zip(seats, encoders, fingerprints, strict=True):
            if encoder.fingerprint != fingerprint:
                raise BuildError(
                    f"The checkpoint {seat.checkpoint} of “{seat.key}” is another one on {platform.node()} than "
                    "where the build was started. Give every node the same files."
                )
        self._task = EmbeddingTask(reader, seats, encoders, device)

    def __call__(self, rows: dict[str, np.ndarray]) -> dict[str, list[bytes]]:
        """Embeds the pickled batches of `rows["batch"]`; returns their pickled results."""
        results = (embed_batch(pickle.loads(batch), self._task) for batch in rows["batch"])
        return {"result": [pickle.dumps(result) for result in results]}


def _embed_all(batches: list[Batch], task: EmbeddingTask) -> Iterator[EmbeddedBatch]:
    _connect()
    gpus = 0 if task.device == "cpu" else int(ray.cluster_resources().get("GPU", 0))
    actors = gpus or int(ray.cluster_resources().get("CPU", 1))
    rows = [{"batch": pickle.dumps(batch)} for batch in batches]
    fingerprints = tuple(encoder.fingerprint for encoder in task.encoders)
    device = task.device if gpus else "cpu"
    results = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        EmbeddingActor,
        fn_constructor_args=(task.reader, task.seats, fingerprints, device),
        compute=ray.data.ActorPoolStrategy(size=min(actors, len(rows))),
        num_gpus=1 if gpus else None,
        num_cpus=None if gpus else 1,
    )
    for row in results.iter_rows():
        yield pickle.loads(row["result"])


def _connect() -> None:
    """Joins the cluster at `RAY_ADDRESS`, or starts one here, unless this process has done so."""
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to Ray's makers
        address = os.environ.get("RAY_ADDRESS", "local")
        own = {"include_dashboard": False} if address == "local" else {}
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING, **own)
        except (OSError, ValueError, RuntimeError) as error:
            raise BuildError(
                f"No Ray cluster can be joined at RAY_ADDRESS={address} ({first_line(error)}). Correct the address, or "
                "unset RAY_ADDRESS to start a cluster on this machine."
            ) from error
        logging.getLogger("ray.data").setLevel(logging.WARNING)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True


def _knock(address: str) -> None:
    """Raises OSError for a HOST:PORT where nobody listens, which Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def _cause(error: BaseException) -> str:
    """What an actor raised, without the traceback that Ray puts around it."""
    while (cause := getattr(error, "cause", None)) is not None:
        error = cause
    return first_line(error)
