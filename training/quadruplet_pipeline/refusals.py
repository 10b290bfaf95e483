"""The refusal in the pipeline: no text that the policy forbids is read by a model, stored or painted."""

from collections.abc import Sequence

from safeclip.errors import RefusedError
from safeclip.hashing import content_id
from safeclip.refusal import check_text, names_minor

SEXUAL = "sexual"


def is_refused(text: str) -> bool:
    """Whether the policy forbids a text; the models of a pipeline may know real people."""
    try:
        check_text(text, real_world=True)
    except RefusedError:
        return True
    return False


def choose_category(text: str, categories: Sequence[str]) -> str | None:
    """The category that a safe text is turned into, by its hash; None when there is none.

    A text that names a minor never gets the sexual category, in any folded spelling that the policy reads.
    """
    allowed = [each for each in categories if each != SEXUAL] if names_minor(text) else list(categories)
    return allowed[int(content_id(text), 16) % len(allowed)] if allowed else None
