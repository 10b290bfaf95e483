"""Errors that the library raises on purpose. Each message says what is wrong and what to do about it."""


class SafeClipError(Exception):
    """Base of all errors raised on purpose by this library."""


class ProfileError(SafeClipError):
    """A profile is unknown, or its TOML file has an unknown key, a wrong type or a contradiction."""


class CheckpointError(SafeClipError):
    """An encoder's checkpoint or adapter is missing, incomplete or of another architecture."""


class HubError(CheckpointError):
    """A checkpoint of the model hub cannot be had: the hub is unreachable, or the repository gated or missing."""


class DeviceError(SafeClipError):
    """The device that a model should run on is not there, or has too little memory."""


class GalleryError(SafeClipError):
    """The gallery is missing, lacks a column, or was asked for an item that it does not hold."""


class ManifestError(SafeClipError):
    """An index's manifest is missing, unreadable, or was edited after it was written."""


class IndexCorruptError(SafeClipError):
    """A file of an index is missing, truncated or altered."""


class IndexMismatchError(SafeClipError):
    """An index was built by another encoder than the one that wants to query it."""


class ImageError(SafeClipError):
    """Data given as an image cannot be used as one."""


class QueryError(SafeClipError):
    """A query or one of its options cannot be answered as asked."""


class RefusedError(SafeClipError):
    """A text is refused by every task on every profile; the message is the policy's text (`safeclip.refusal`)."""


class JudgeError(SafeClipError):
    """A judge of harm cannot be used: its package, its weights or its word list is missing or broken."""


class TableError(SafeClipError):
    """A table of failures is missing or damaged."""


def first_line(error: BaseException) -> str:
    """Returns the first line of another library's exception, or its type when it has no text, for use in a message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def short_reason(error: BaseException) -> str:
    """Returns why the system refused, without its number and path; of any other exception the first line."""
    return getattr(error, "strerror", None) or first_line(error)
