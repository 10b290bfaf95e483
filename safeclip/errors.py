"""Every error that a user can meet. The one message of each says what is wrong and what to do about it."""


class SafeClipError(Exception):
    """Base of all errors raised on purpose by this library."""


class ProfileError(SafeClipError):
    """A profile is unknown, or its TOML file has an unknown key, a wrong type or a contradiction."""


class CheckpointError(SafeClipError):
    """An encoder's checkpoint or adapter is missing, incomplete or of another architecture."""


class GalleryError(SafeClipError):
    """The gallery is missing, lacks a column, or was asked for an item that it does not hold."""


class ManifestError(SafeClipError):
    """An index's manifest is missing, unreadable, or was edited after it was written."""


class IndexCorruptError(SafeClipError):
    """A file of an index is missing, truncated or altered."""


class IndexMismatchError(SafeClipError):
    """An index was built by another encoder than the one that wants to query it."""


class ImageError(SafeClipError):
    """The data given as a picture cannot be used as one."""


class QueryError(SafeClipError):
    """A query or one of its options cannot be answered as asked."""
