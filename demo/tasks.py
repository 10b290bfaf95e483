"""The registry of tasks, in the order of their tabs. A page shows those that its profile seats."""

from collections.abc import Iterable
from typing import Any

from safeclip.profiles import Profile

from .captioning.task import CAPTIONING
from .common.request_codec import Field, fields_of
from .common.task import Task
from .failures.task import FAILURES
from .generation.task import GENERATION
from .redteam.task import RED_TEAM
from .retrieval.task import RETRIEVAL

TASKS: tuple[Task, ...] = (RETRIEVAL, GENERATION, CAPTIONING, FAILURES, RED_TEAM)


def seated_tasks(profile: Profile) -> list[Task]:
    """The tasks that a profile seats."""
    return [task for task in TASKS if task.seated_in(profile)]


def link_names(seated: Iterable[Task]) -> dict[str, list[str]]:
    """The names that links use, for the page's JavaScript: of all parameters, and of those that ask a `seated` task."""
    fields = [field for task in TASKS for field in _linked(task)]
    return {
        "parameters": list(dict.fromkeys(field.link for field in fields)),
        "subjects": [field.link for task in seated for field in _linked(task) if field.subject],
    }


def _linked(task: Task) -> list[Field[Any]]:
    return [field for field in fields_of(task.service.request_type).values() if field.link]
