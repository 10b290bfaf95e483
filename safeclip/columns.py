"""Base of comparisons: a mapping from column keys, mostly seats, to the results of one type."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class ColumnResults(Mapping[str, T]):
    """Mapping of a comparison's column keys to results of type T, in the page's order."""

    @property
    @abstractmethod
    def by_column(self) -> Mapping[str, T]:
        """The results that this object maps to."""

    def __getitem__(self, key: str) -> T:
        return self.by_column[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_column)

    def __len__(self) -> int:
        return len(self.by_column)
