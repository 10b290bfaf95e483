"""Columns of a table of failures: the seats of a profile, and blends between the reference and a seat."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..encoders.seat import Seat
from ..errors import QueryError
from ..options import check_number, check_seats

if TYPE_CHECKING:
    from ..encoders.encoder import Encoder
    from ..encoders.encoder_set import EncoderSet

DIAL = (0.25, 0.5, 0.75)  # between the reference (0) and the seat (1)


@dataclass(frozen=True)
class Column:
    """A seat's encoder, or with `t` the blend (1 − t) · reference + t · seat of all weights: "ours@0.5"."""

    seat: str
    t: float | None = None

    @classmethod
    def parse(cls, key: str, seats: Mapping[str, Seat]) -> Self:
        """Reads a column's key. Raises QueryError for a seat that the profile lacks and a t outside ]0, 1[."""
        seat, at, t = key.partition("@")
        check_seats(seats, [seat])
        if not at:
            return cls(seat)
        try:
            position = float(t)
        except ValueError:
            raise QueryError(f"“{key}” is no column: after @ stands a number between 0 and 1.") from None
        check_number("position of the dial", position, 0.01, 0.99)
        if seat == next(iter(seats)):
            raise QueryError(f"“{key}” blends the reference with itself. Name another seat.")
        return cls(seat, position)

    @property
    def key(self) -> str:
        return self.seat if self.t is None else f"{self.seat}@{self.t:g}"

    def label(self, seats: Mapping[str, Seat]) -> str:
        """Name on the page: "Safe-CLIP", "Safe-CLIP at 0.5"."""
        label = seats[self.seat].label if self.seat in seats else self.seat
        return label if self.t is None else f"{label} at {self.t:g}"

    def encoder(self, encoders: "EncoderSet") -> "Encoder":
        """Loads the encoder, or blends it. Raises CheckpointError."""
        if self.t is None:
            return encoders[self.seat]
        from ..encoders.blending import blend

        return blend(encoders[encoders.reference], encoders[self.seat], self.t)


def columns_of(seats: Mapping[str, Seat], dial: str = "", positions: Iterable[float] = DIAL) -> list[Column]:
    """Every seat, and the blends towards the seat `dial` where one is named. Raises QueryError."""
    blends = [Column.parse(f"{dial}@{t:g}", seats) for t in positions] if dial else []
    return [*map(Column, seats), *blends]
