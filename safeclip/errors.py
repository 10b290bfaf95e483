"""Every error that a user can meet. The one message of each says what is wrong and what to do about it."""


class SafeClipError(Exception):
    """Base of all errors raised on purpose by this library."""


class ProfileError(SafeClipError):
    """A profile is unknown, or its TOML file has an unknown key, a wrong type or a contradiction."""


class CheckpointError(SafeClipError):
    """An encoder's checkpoint or adapter is missing, incomplete or of another architecture."""


class HubError(CheckpointError):
    """A checkpoint that lives on the model hub cannot be had from there: unreachable, gated, or not there at all."""


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
    """The data given as a picture cannot be used as one."""


class QueryError(SafeClipError):
    """A query or one of its options cannot be answered as asked."""


class RefusedError(SafeClipError):
    """A prompt that is not painted on any profile; the message is the policy's text."""


class JudgeError(SafeClipError):
    """A judge of harm cannot be used: its package, its weights or its word list is missing or broken."""


def first_line(error: BaseException) -> str:
    """What a foreign exception says first, or its kind when it says nothing: for use inside a message of ours."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
