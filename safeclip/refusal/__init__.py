"""Refusal of texts in every task: sexual content with minors, and with real people who are named."""

from .policy import PEOPLE_POLICY, POLICY, check_prompt, check_text, is_allowed, names_minor

__all__ = ["PEOPLE_POLICY", "POLICY", "check_prompt", "check_text", "is_allowed", "names_minor"]
