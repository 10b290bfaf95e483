"""The red team's task. A profile that can search seats it with a section [redteam]."""

from ..common.task import Task
from .api import RedTeamEndpoint
from .service import RedTeamService
from .tab import RedTeamTab
from .view import RedTeamView

RED_TEAM = Task("Red team", RedTeamService, RedTeamView, RedTeamTab, RedTeamEndpoint)
