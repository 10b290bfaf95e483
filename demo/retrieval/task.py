"""The retrieval task: one query to a gallery, under every seat."""

from ..common.task import Task
from .api import RetrievalEndpoint
from .service import RetrievalService
from .tab import RetrievalTab
from .view import RetrievalView

RETRIEVAL = Task("Retrieval", RetrievalService, RetrievalView, RetrievalTab, RetrievalEndpoint)
