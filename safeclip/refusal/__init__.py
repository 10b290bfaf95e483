"""The one request that no task answers, whatever the models: sexual content with minors."""

from .policy import POLICY, check_prompt, check_text

__all__ = ["POLICY", "check_prompt", "check_text"]
