"""Errors of training, besides those of the library."""

from safeclip.errors import SafeClipError


class DataError(SafeClipError):
    """Training data are missing, or rows are incomplete where all must be complete."""


class DivergedError(SafeClipError):
    """The loss of a training is no number any more."""
