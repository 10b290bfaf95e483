"""The red team's task. A profile that can search seats it with a section [redteam]."""

from typing import TYPE_CHECKING

from ..common.task import Task
from .api import RedTeamEndpoint
from .service import RedTeamService
from .tab import RedTeamTab
from .view import RedTeamView

if TYPE_CHECKING:
    from safeclip.profiles import Profile


def _is_seated(profile: "Profile") -> bool:
    return profile.redteam is not None and profile.retrieval is not None


RED_TEAM = Task("Red team", RedTeamService, RedTeamView, RedTeamTab, RedTeamEndpoint, _is_seated)
