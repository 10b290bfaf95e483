"""A set of content ids that takes 8 bytes an id, for galleries of millions."""

from __future__ import annotations

import numpy as np

RECENT = 65_536


class IdSet:
    """Content ids (16 hex digits) that were added, in sorted arrays of doubling sizes.

    Adding n ids costs O(n log² n) in all, and a lookup O(log² n).
    """

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []  # int64, each sorted, the largest first
        self._recent: set[int] = set()

    def add(self, id: str) -> bool:
        """Adds an id; returns False when it was there already."""
        if id in self:
            return False
        self._recent.add(int(id, 16))
        if len(self._recent) >= RECENT:
            self._flush()
        return True

    def update(self, numbers: np.ndarray) -> None:
        """Adds ids given as integers (n,) int64, such as a column of a gallery file."""
        self._flush()
        self._merge(np.unique(numbers))

    def __contains__(self, id: str) -> bool:
        number = int(id, 16)
        return number in self._recent or any(_held(array, np.array([number]))[0] for array in self._arrays)

    def __len__(self) -> int:
        return len(self._recent) + sum(map(len, self._arrays))

    def _flush(self) -> None:
        self._merge(np.sort(np.fromiter(self._recent, np.int64, len(self._recent))))
        self._recent = set()

    def _merge(self, numbers: np.ndarray) -> None:
        for array in self._arrays:
            numbers = numbers[~_held(array, numbers)]
        while self._arrays and len(self._arrays[-1]) <= 2 * len(numbers):
            numbers = np.sort(np.concatenate([self._arrays.pop(), numbers]))
        if len(numbers):
            self._arrays.append(numbers)


def _held(array: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Which of `numbers` the sorted `array`, not empty, holds: bool (n,)."""
    places = np.minimum(np.searchsorted(array, numbers), len(array) - 1)
    return array[places] == numbers
