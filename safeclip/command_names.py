"""Names of the commands, for messages: the installed ones, or in a checkout those that need no installation."""

from .paths import INSTALLED

PAGE = "safeclip-demo" if INSTALLED else "python app.py"
INDEXER = "safeclip-index" if INSTALLED else "python -m index_builder"
REBUILD = f"Build the index again: {INDEXER}."
