"""The failures task: pages of a profile's table of failures. The section [failures] of a profile seats it."""

from ..common.task import Task
from .api import FailuresEndpoint
from .service import FailuresService
from .tab import FailuresTab
from .view import FailuresView

FAILURES = Task("Failures", FailuresService, FailuresView, FailuresTab, FailuresEndpoint)
