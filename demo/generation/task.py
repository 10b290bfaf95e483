"""The generation task: one prompt, with every seat's text encoder."""

from ..common.task import Task
from .api import GenerationEndpoint
from .service import GenerationService
from .tab import GenerationTab
from .view import GenerationView

GENERATION = Task("Generation", GenerationService, GenerationView, GenerationTab, GenerationEndpoint)
