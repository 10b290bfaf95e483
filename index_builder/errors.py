"""What can go wrong in a build and is not the library's to say."""

from safeclip.errors import SafeClipError


class BuildError(SafeClipError):
    """A build cannot start or go on as asked; the message says what to change."""
