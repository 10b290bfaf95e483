"""The failures tab: filters above, a page of rows below."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from safeclip.errors import SafeClipError
from safeclip.failures.export import to_csv, to_jsonl
from safeclip.failures.kinds import KINDS
from safeclip.failures.questions import DIRECTIONS, Direction
from safeclip.failures.slices import ORDERS

from ..common.blocks import reveal_function
from ..common.blur_policy import Reply
from ..common.form.subject_form import Updates
from ..common.request_codec import LONGEST_LINK
from ..common.service import plain
from ..common.tab import TaskTab, Values
from .links import link_of
from .request import ANY, FailuresRequest
from .service import FailuresService, FailuresState

_MADE = {"generation": "painting", "captioning": "answer"}  # what a task makes that searches nothing
_WRITERS: dict[str, Any] = {"csv": (to_csv, "text/csv"), "jsonl": (to_jsonl, "application/jsonl")}


class FailuresTab(TaskTab[FailuresRequest, FailuresState]):
    """Filters at once when a control changes; a new filter begins at the first page."""

    form_classes = "sc-ask-failures"
    go_label = "Show"
    service: FailuresService

    def add_controls(self, request: FailuresRequest) -> None:
        columns = [(label, key) for key, label in self.service.columns.items()]
        with gr.Row(elem_classes="sc-options"):
            self._choose("seat", columns, request, label="Column")
            self._choose("against", [("nobody", ""), *columns], request, label="Compared with")
            self._choose("task", [(task, task) for task in (ANY, *self._values("task"))], request)
            directions = [(_in_words(DIRECTIONS[name]), name) for name in self._values("direction")]
            self._choose("direction", [(ANY, ANY), *directions], request)
            self._choose("kind", [(kind, kind) for kind in (ANY, *KINDS)], request)
            self._choose("category", [(ANY, ""), *((name, name) for name in self._values("category"))], request)
            self._choose("concept", [(ANY, ""), *((name, name) for name in self._values("concept"))], request)
            self._choose("split", [(ANY, ""), *((name, name) for name in self._values("split"))], request)
            self._choose("order", [(order, order) for order in ORDERS], request, label="Sorted by")
            self.add_control("moved", label="Ranks lost, at least", elem_classes="sc-k", min_width=120)
            self.controls["page"] = gr.State(1)
            self.controls["shown"] = gr.State(request.to_link())  # the link of the rows that are shown
            self.add_buttons("sc-failures-go")

    def add_outputs(self) -> None:
        functions = [reveal_function(self.context.blur_policy), _download_function(self.service)]
        self.output = self.view_box(self.opening(), server_functions=functions)

    def opening(self) -> str:
        """The first page of failures; it takes milliseconds."""
        return self.view.draw(self.service.answer(self.first))

    def connect(self) -> None:
        for name, component in self.controls.items():
            if not isinstance(component, gr.State):
                self.on_change(component.release if name == "moved" else component.input, self._filter)
        self.on_change(self.output.browse, self._browse)

    def run_events(self) -> list[Any]:
        return [self.go.click]

    def run_outputs(self) -> list[Any]:
        return [*super().run_outputs(), self.controls["shown"]]

    def finished(self, state: FailuresState, values: Values) -> Updates:
        return {self.controls["shown"]: state.request.to_link()}

    def _filter(self, data: dict[str, Any], values: Values) -> Updates:
        """Goes to the first page; stays where no filter has changed: Gradio's lists say “input” when they are left."""
        request, _ = self.read(values)
        return {} if request.to_link() == values["shown"] else {self.controls["page"]: 1}

    def _browse(self, data: dict[str, Any], values: Values) -> Updates | None:
        """Turns the page, or filters by the category or the concept whose bar was pressed."""
        page = data.get("page")
        if isinstance(page, int):
            return {self.controls["page"]: page}
        chosen = {self.controls[name]: str(data[name]) for name in ("category", "concept") if name in data}
        return {**chosen, self.controls["page"]: 1} if chosen else None

    def _choose(self, name: str, choices: list[tuple[str, str]], request: FailuresRequest, **options: Any) -> None:
        """Builds a list to choose a field from."""
        labelled = {"label": name.capitalize(), "min_width": 110, **options}
        self.controls[name] = gr.Dropdown(choices, value=getattr(request, name), elem_classes="sc-choose", **labelled)

    def _values(self, name: str) -> list[str]:
        """The values of a column of the table, in their own order where there is one."""
        try:
            found = self.service.table.values(name)
        except SafeClipError:
            return []
        return [each for each in DIRECTIONS if each in found] if name == "direction" else found


def _in_words(direction: Direction) -> str:
    """'unsafe text → pictures (T*→V∪V*)'."""
    kind = "unsafe" if direction.unsafe else "neutral" if direction.label.startswith("neutral") else "safe"
    asked = "text" if direction.asks == "text" else "picture"
    found = {"images": "pictures", "captions": "captions"}.get(direction.searches) or _MADE[direction.task]
    return f"{kind} {asked} → {found} ({direction.label})"


def _download_function(service: FailuresService) -> Callable[[str], Reply]:
    """The server function that actions.js calls to save the rows of a request: "csv failures=safe&kind=leaks"."""

    def download(id: str) -> Reply:
        format, _, link = str(id)[:LONGEST_LINK].partition(" ")
        request = FailuresRequest.from_link(dict(parse_qsl(link)), service.default)
        if format not in _WRITERS or request is None:
            return {"ok": False, "message": "There are no such rows to save."}
        write, kind = _WRITERS[format]
        try:
            content = write(service.rows(request), service.table.provenance, link_of).encode()
        except SafeClipError as error:
            return {"ok": False, "message": plain(str(error))}
        src = f"data:{kind};charset=utf-8;base64,{base64.b64encode(content).decode()}"
        return {"ok": True, "name": f"failures-{request.seat}.{format}", "src": src}

    return download
