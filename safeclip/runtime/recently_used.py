"""Cache of the most recently used values, bounded by what they cost together."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class RecentlyUsed(Generic[V]):
    """Values by key, of which the least recently used are dropped where their costs add up to more than `budget`.

    Each value costs 1 unless `cost` says otherwise; one that costs more than the budget is never kept. Safe for
    threads: two that ask for a missing value at once may both make it, and both get the one that was first kept.
    """

    def __init__(self, budget: int, cost: Callable[[V], int] = lambda value: 1) -> None:
        self._budget, self._cost = budget, cost
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._spent = 0
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Returns the value of `key`, made now where it is not kept. Raises what `make` raises."""
        if (kept := self.find(key)) is not None:
            return kept
        value = make()
        with self._lock:
            if (kept := self.find(key)) is not None:
                return kept
            self.put(key, value)
        return value

    def find(self, key: Hashable) -> V | None:
        """The value kept for `key`, or None."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: V) -> None:
        """Keeps a value, in place of an earlier one of its key."""
        cost = self._cost(value)
        with self._lock:
            if key in self._values:
                self._spent -= self._cost(self._values.pop(key))
            if cost > self._budget:
                return
            self._values[key] = value
            self._spent += cost
            while self._spent > self._budget:
                _, dropped = self._values.popitem(last=False)
                self._spent -= self._cost(dropped)

    def clear(self) -> None:
        """Forgets all values."""
        with self._lock:
            self._values.clear()
            self._spent = 0
