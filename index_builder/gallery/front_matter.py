"""Front matter of a card: the YAML between its first lines of dashes, by which the hub reads a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

CONFIGS = [{"config_name": "default", "data_files": [{"split": "test", "path": "data/test-*"}]}]


def front_matter(fields: Mapping[str, Any]) -> str:
    """The fields that have a value, in their order, with the dashes around them."""
    return f"---\n{yaml.safe_dump({name: value for name, value in fields.items() if value}, sort_keys=False)}---\n"
