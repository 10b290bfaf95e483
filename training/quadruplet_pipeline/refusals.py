"""The refusal in the pipeline: no text that the policy forbids is read by a model, stored or painted."""

from collections.abc import Sequence

from safeclip.hashing import content_id
from safeclip.refusal import is_allowed, names_minor

from ..data.quadruplets.visu import CONCEPTS, category

SEXUAL = "sexual"
NOT_SEXUAL = frozenset(CONCEPTS) - {SEXUAL}


def is_refused(text: str) -> bool:
    """Whether the policy forbids a text; the models of a pipeline may know real people."""
    return not is_allowed(text, real_world=True)


def is_forbidden_pair(text: str, unsafe_text: str, category: str) -> bool:
    """Whether the policy forbids a text of a pair, or its category to a pair that names a minor."""
    return is_refused(text) or is_refused(unsafe_text) or not _allowed(f"{text}. {unsafe_text}", [category])


def choose_category(text: str, categories: Sequence[str]) -> str | None:
    """The category that a safe text is turned into, by its hash; None when there is none.

    A text that names a minor, in any folded spelling that the policy reads, gets none but ViSU's categories and
    concepts, and of these never a sexual one.
    """
    allowed = _allowed(text, categories)
    return allowed[int(content_id(text), 16) % len(allowed)] if allowed else None


def _allowed(text: str, categories: Sequence[str]) -> list[str]:
    if not names_minor(text):
        return list(categories)
    return [each for each in categories if not each or category(each) in NOT_SEXUAL]
