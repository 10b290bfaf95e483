"""Tensors inside of nested dataclasses, dictionaries, lists and tuples, as batches and embeddings are made of."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def map_tensors(change: Callable[[torch.Tensor], torch.Tensor], value: T) -> T:
    """The same structure with every tensor changed; other values stay as they are."""
    return _merged(lambda tensors: change(tensors[0]), [value])


def concatenated(parts: Sequence[T]) -> T:
    """Structures of one kind joined along the first dimension of their tensors; other values are those of the first."""
    return _merged(torch.cat, parts)


def _merged(merge: Callable[[list[torch.Tensor]], torch.Tensor], values: Sequence[Any]) -> Any:
    """One structure out of several of one kind: `merge` gets the tensors that stand in the same place."""
    first = values[0]
    if isinstance(first, torch.Tensor):
        return merge(list(values))
    if dataclasses.is_dataclass(first) and not isinstance(first, type):
        names = [each.name for each in dataclasses.fields(first)]
        changed = {name: _merged(merge, [getattr(value, name) for value in values]) for name in names}
        return dataclasses.replace(first, **changed)
    if isinstance(first, dict):
        return {key: _merged(merge, [value[key] for value in values]) for key in first}
    if isinstance(first, (list, tuple)):
        return type(first)(_merged(merge, list(column)) for column in zip(*values, strict=True))
    return first


def tensors_of(value: Any) -> list[torch.Tensor]:
    """Every tensor of a structure, always in the same order."""
    found: list[torch.Tensor] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        found.append(tensor)
        return tensor

    map_tensors(note, value)
    return found
