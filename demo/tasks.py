"""The registry of tasks, in the order of their tabs. A page shows those that its profile seats."""

from safeclip.profiles import Profile

from .captioning.task import CAPTIONING
from .common.request_codec import fields_of
from .common.task import Task
from .failures.task import FAILURES
from .generation.task import GENERATION
from .redteam.task import RED_TEAM
from .retrieval.task import RETRIEVAL

TASKS: tuple[Task, ...] = (RETRIEVAL, GENERATION, CAPTIONING, FAILURES, RED_TEAM)


def seated_tasks(profile: Profile) -> list[Task]:
    """The tasks that a profile seats."""
    return [task for task in TASKS if task.seated_in(profile)]


def link_names() -> dict[str, list[str]]:
    """The names that links use, for the page's JavaScript: of all parameters, and of those that ask something."""
    fields = [field for task in TASKS for field in fields_of(task.service.request_type).values() if field.link]
    return {
        "parameters": list(dict.fromkeys(field.link for field in fields)),
        "subjects": [field.link for field in fields if field.subject],
    }
