"""Errors of the index builder, beside those of the library."""

from safeclip.errors import SafeClipError


class BuildError(SafeClipError):
    """A build cannot start or go on as asked; the message says what to change."""


class BusyError(BuildError):
    """Another process is building in the same folder."""
