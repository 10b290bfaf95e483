"""Padding of rows of token ids."""

from collections.abc import Sequence

import torch


def pad(rows: Sequence[Sequence[int]], padding: int) -> torch.Tensor:
    """Rows of token ids as int64 (rows, longest row), padded on the right."""
    padded = torch.full((len(rows), max(map(len, rows))), padding)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return padded


def cropped(rows: torch.Tensor, padding: int) -> torch.Tensor:
    """Rows of token ids, int64 (n, length), as short as the longest of them without its padding on the right."""
    return rows[:, : int((rows != padding).sum(1).max())]
