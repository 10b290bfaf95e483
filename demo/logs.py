"""The log of a served page: a line of JSON for each answer and each fault, without the words of a visitor."""

import json
import logging
import sys
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """One line of JSON a record: time, level, event, and the record's `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(content, ensure_ascii=False, default=str)


def write_json_lines(package: str) -> None:
    """Writes the log of a package to standard error as lines of JSON, from the level INFO on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger(package)
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
