"""Tasks of the page. Each is a request, a service, a view, a tab and an endpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .endpoint import TaskEndpoint
from .service import TaskService
from .tab import TaskTab
from .view import TaskView

if TYPE_CHECKING:
    from safeclip.profiles import Profile


@dataclass(frozen=True)
class Task:
    """The parts of a task; its request's type is the service's.

    Unless `is_seated` says otherwise, the section of the profile that is named as the task's key seats it.
    """

    title: str
    service: type[TaskService[Any, Any]]
    view: type[TaskView[Any]]
    tab: type[TaskTab[Any, Any]]
    endpoint: type[TaskEndpoint[Any, Any]]
    is_seated: "Callable[[Profile], bool] | None" = None

    @property
    def key(self) -> str:
        """The id of the task's tab and the name of its queue."""
        return self.service.name

    def seated_in(self, profile: "Profile") -> bool:
        """Whether a profile seats the task, so that its page shows a tab."""
        if self.is_seated is not None:
            return self.is_seated(profile)
        return getattr(profile, self.key, None) is not None
