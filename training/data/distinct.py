"""Draws the numbered items of a world until enough of them are distinct."""

from collections.abc import Callable
from typing import TypeVar

Item = TypeVar("Item")


def any_item(item: object) -> bool:
    """Whether an item fits where nothing more is asked of it than to be distinct."""
    return True


def draw_distinct(
    draw: Callable[[int], Item],
    contents: Callable[[Item], set],
    count: int,
    *,
    patience: int,
    source: str,
    fits: Callable[[Item], bool] = any_item,
) -> list[Item]:
    """The first `count` of the items draw(0), draw(1), … that fit and share no content with one chosen before them.

    Raises ValueError, which names the `source`, after `patience` items in a row that are not chosen.
    """
    seen: set = set()
    chosen: list[Item] = []
    index = last_found = 0
    while len(chosen) < count:
        item = draw(index)
        if fits(item) and not (found := contents(item)) & seen:
            seen |= found
            chosen.append(item)
            last_found = index
        if index - last_found > patience:
            raise ValueError(f"{source} does not hold {count} distinct items that fit")
        index += 1
    return chosen
