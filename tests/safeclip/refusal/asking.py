"""What the policy says to a prompt."""

from safeclip.errors import RefusedError
from safeclip.refusal import check_prompt


def refused_prompt(prompt: str, negative_prompt: str = "") -> str:
    """The text of the refusal; empty where the prompt is allowed."""
    try:
        check_prompt(prompt, negative_prompt)
    except RefusedError as error:
        return str(error)
    return ""
