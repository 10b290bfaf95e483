"""What a gallery of n images takes: disk, memory, hours and money, from measured rates by plain formulae."""

from __future__ import annotations

from dataclasses import dataclass

from ..indexes.kinds import KINDS
from .shard_plan import ShardPlan

# A gallery's row in the page's memory, without its image (440 to 510 bytes with tracemalloc).
PAGE_ROW_BYTES = 600
HOUR = 3600


@dataclass(frozen=True)
class Encoders:
    """Encoders of a profile: how many seats, the width of a vector, and the operations of one image's forward pass."""

    name: str
    seats: int
    dim: int
    flops: float


@dataclass(frozen=True)
class Machine:
    """A machine: its cores, what its GPU computes a second (0: none), and its price an hour in dollars.

    `cpu_ms` are milliseconds of a core an image, by stage; of a machine with a GPU the forward pass is not among them.
    """

    name: str
    cores: int
    gpu_flops: float
    price: float
    cpu_ms: dict[str, float]

    def rate(self, encoders: Encoders) -> float:
        """Images a second: what the cores allow, or the GPU where that is less."""
        by_cores = self.cores / (sum(self.cpu_ms.values()) / 1e3)
        return min(by_cores, self.gpu_flops / encoders.flops) if self.gpu_flops else by_cores


@dataclass(frozen=True)
class Gallery:
    """n images with as many captions, of `image_bytes` each as they are stored, under these encoders."""

    images: int
    image_bytes: int
    encoders: Encoders

    @property
    def parquet_bytes(self) -> int:
        return self.images * self.image_bytes

    @property
    def shard_bytes(self) -> int:
        """Embeddings of images and captions by every seat, which rebuild any index without embedding."""
        return 2 * ShardPlan(self.images, self.encoders.seats, self.encoders.dim).bytes

    def index_bytes(self, kind: str) -> int:
        """Indexes of images and captions of every seat, on disk as in memory."""
        return 2 * self.encoders.seats * KINDS[kind].bytes(self.images, self.encoders.dim)

    def page_bytes(self, kind: str) -> int:
        """What of the page's memory grows with the gallery: the indexes, and the rows without their images."""
        return self.index_bytes(kind) + self.images * PAGE_ROW_BYTES

    def hours(self, machine: Machine, machines: int = 1) -> float:
        return self.images / (machines * machine.rate(self.encoders)) / HOUR

    def dollars(self, machine: Machine) -> float:
        """Price of embedding; on how many machines it is done does not matter."""
        return self.hours(machine) * machine.price
