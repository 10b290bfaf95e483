"""A fourth task, as whoever adds one writes it: counts the letters of a text, and says one more for each seat."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup
from PIL import Image

from demo.common.endpoint import Json, TaskEndpoint
from demo.common.request_codec import Request, Text, Whole, declare, declare_seats
from demo.common.service import TaskService, TaskState
from demo.common.tab import TaskTab
from demo.common.task import Task
from demo.common.view import TaskView


@dataclass(frozen=True)
class CountRequest(Request):
    text: str = declare(Text("text", "what to count.", link="count", subject=True, longest=50), "")
    times: int = declare(Whole("number of times", "how often, from 1 to 9.", link="times", low=1, high=9), 1)
    seats: tuple[str, ...] = declare_seats()


class CountState(TaskState[CountRequest]):
    pass


class CountService(TaskService[CountRequest, CountState]):
    name, request_type, state_type = "count", CountRequest, CountState

    def compute(self, state: CountState, image: Image.Image | None, stop: threading.Event) -> Iterator[CountState]:
        reference, request = next(iter(self.seats)), state.request
        counts = {key: i + len(request.text) * request.times for i, key in enumerate([reference, *request.seats])}
        yield replace(state, comparison=counts)


class CountView(TaskView[CountState]):
    def columns(self, state: CountState) -> list[Markup]:
        counts = state.comparison or {}
        return [self.column(key, body=Markup("{} letters").format(n)) for key, n in counts.items()]


class CountTab(TaskTab[CountRequest, CountState]):
    pass


class CountEndpoint(TaskEndpoint[CountRequest, CountState]):
    """Count the letters of a text."""

    name = "count"

    def describe(self, state: CountState, **options: Any) -> Json:
        return {"counts": dict(state.comparison)}


COUNT = Task("Counting", CountService, CountView, CountTab, CountEndpoint, is_seated=lambda profile: True)
