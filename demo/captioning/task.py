"""The captioning task: one question about an image, through every seat's vision tower."""

from ..common.task import Task
from .api import CaptioningEndpoint
from .service import CaptioningService
from .tab import CaptioningTab
from .view import CaptioningView

CAPTIONING = Task("Captioning", CaptioningService, CaptioningView, CaptioningTab, CaptioningEndpoint)
