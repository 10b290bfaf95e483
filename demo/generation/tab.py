"""The generation tab: a prompt above, its images under every seat below, and the history of the visit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from PIL import Image

from safeclip.errors import SafeClipError
from safeclip.generation.settings import MAX_PICTURES

from ..common.blocks import as_turn, html, index_in, reveal_function
from ..common.blur_policy import Reply
from ..common.examples import Example
from ..common.form.subject_form import Updates
from ..common.tab import TaskTab, Values
from . import history, png_metadata
from .examples import examples
from .image_store import ImageStore
from .request import GenerationRequest
from .service import GenerationService, GenerationState

SIDES, DIAL = "Side by side", "Safety dial"

_GONE = "These pictures are not kept any more. Press Paint: the same seed gives the same pictures."

# Few enough digits to read aloud.
_ROLL = "() => { window.safeclip.turns.change('generation'); return Math.floor(Math.random() * 1000000); }"


class GenerationTab(TaskTab[GenerationRequest, GenerationState]):
    """Compares seats side by side, or shows one seat's safety dial; restores the settings of a downloaded image."""

    form_classes = "sc-ask-prompt"
    go_label = "Paint"
    shows_queue = True
    service: GenerationService

    def find_examples(self) -> tuple[Example[GenerationRequest], ...]:
        return examples(self.context.lab.profile.name, self.context.gallery, self.default)

    def add_controls(self, request: GenerationRequest) -> None:
        self.others = [seat for key, seat in self.service.seats.items() if key != self.service.model.reference]
        self.controls["mode"] = gr.Radio(
            [SIDES, DIAL] if self.others else [SIDES],
            value=SIDES,
            label="Compare",
            elem_classes="sc-segments sc-modes",
            elem_id="sc-paint-mode",
        )
        with gr.Column(elem_classes="sc-box"), gr.Row(elem_classes="sc-search"):
            self.add_subject("prompt", placeholder="Describe a picture to paint", elem_id="sc-prompt")
            self.add_buttons("sc-paint", "sc-paint-stop")
        self.add_queue()
        with gr.Row(elem_classes="sc-options"):
            self.add_control("seats")
            reference = self.service.seats[self.service.model.reference].label
            opening = self.others[0].key if self.others else None
            self.add_control("dial", value=opening, label=f"From {reference} to", visible=False)
            self.controls["pictures"] = gr.Radio(
                list(range(1, MAX_PICTURES + 1)), value=request.pictures, label="Pictures", elem_classes="sc-segments"
            )
            with gr.Row(elem_classes="sc-seed"):
                self.add_control("seed", min_width=100)
                self.dice = gr.Button("Another seed", elem_id="sc-dice", min_width=34, scale=0)
            with gr.Accordion("More options", open=False, elem_classes="sc-more-options"):
                self.add_control("steps", label="Steps")
                self.add_control("guidance", step=0.1)
                self.add_control("negative", label="Without", placeholder="what not to paint", elem_id="sc-without")
                self.file = gr.UploadButton(
                    "Settings of a downloaded picture", file_types=[".png"], size="sm", elem_id="sc-settings"
                )
        self.controls["history"] = gr.State([])

    def add_outputs(self) -> None:
        self.opening_state: GenerationState | None = None
        functions = [reveal_function(self.service.store), _download_function(self.service.store)]
        self.output = self.view_box(self.opening(), server_functions=functions)
        self.strip = html("", "sc-visit-box")

    def opening(self) -> str:
        self.opening_state = self.service.find_precomputed(self.first)
        return self.view.draw(self.opening_state) if self.opening_state else self.view.intro(self.first)

    def read(self, values: Values) -> tuple[GenerationRequest, Image.Image | None]:
        request, image = super().read(values)
        return replace(request, dial=request.dial if values["mode"] == DIAL else ""), image

    def updates(self, request: GenerationRequest) -> Updates:
        mode = DIAL if request.dial in {seat.key for seat in self.others} else SIDES
        updates = super().updates(request) | {self.controls["mode"]: mode}
        for component, shown in self._show_options(mode).items():
            kept = component is self.controls["dial"] and mode == SIDES
            updates[component] = shown if kept else shown | {"value": updates[component]}
        return updates

    def run_outputs(self) -> list[Any]:
        return [*super().run_outputs(), self.controls["history"], self.strip]

    def finished(self, state: GenerationState, values: Values) -> Updates:
        visited = history.remember(values["history"], state, self.service.store)
        return {self.controls["history"]: visited, self.strip: history.strip(visited)}

    def unlinked(self) -> Updates:
        """Draws the opening anew where the store has dropped the images that the page was made with."""
        if self.opening_state is None:
            return {}
        ids = [id for ids in self.opening_state.ids.values() for id in ids]
        if all([self.service.store.source(id) for id in ids]):  # of each, so that none is the oldest for long
            return {}
        return {self.output: self.opening()}

    def connect(self) -> None:
        controls = self.controls
        options = [controls["seats"], controls["dial"], controls["pictures"]]
        controls["mode"].input(self._show_options, controls["mode"], options, **self.at_once)
        self.dice.click(None, None, controls["seed"], js=_ROLL, api_visibility="private")
        restored = [*controls.values(), self.output, self.stop, self.notice]
        self.file.upload(self.restore_file, self.file, restored, **self.at_once)
        self.on_turn(self.strip.recall, self.recall, [controls["history"]], restored)

    def _show_options(self, mode: object) -> Updates:
        """The options that go with a mode: a dial has one image a position."""
        several = bool(self.others)
        return {
            self.controls["seats"]: gr.update(visible=several and mode != DIAL),
            self.controls["dial"]: gr.update(visible=several and mode == DIAL),
            self.controls["pictures"]: gr.update(visible=mode != DIAL),
        }

    def restore_file(self, file: Any) -> Updates:
        """Sets the controls to the metadata of an image that was downloaded here, ready to run again.

        A file without such metadata is told of above the answer that stands.
        """
        path = file.get("path") if isinstance(file, dict) else None
        try:
            metadata = png_metadata.read(path or b"")
            request = GenerationRequest.from_saved(metadata, self.default)
        except SafeClipError as error:
            return {self.notice: self.view.notice(self.service.failed(self.default, str(error)))}
        made = metadata.get("fingerprint")
        if made and made != self.service.fingerprint:
            gr.Warning(f"This picture was made with other models, judges or code ({str(made)[:12]}): it may differ.")
        return {**self.updates(request or self.default), self.notice: ""}

    def recall(self, data: dict[str, Any], session: gr.Request, visited: list[history.Visited], turn: Any) -> Updates:
        """Shows a finished state of this visit again, with its settings. A run that is not finished ends."""
        index = index_in(data, visited)
        if index is None or not self.abandon(session, turn):
            return {}
        state = visited[index].state
        ended = {**self.updates(state.request), self.stop: gr.update(visible=False)}
        if not all([self.service.store.source(id) for ids in state.ids.values() for id in ids]):
            return {**ended, self.notice: self.view.notice(self.service.failed(state.request, _GONE))}
        return {**ended, **self.drawn_in(as_turn(turn), state, first=True), self.notice: ""}


def _download_function(store: ImageStore) -> Callable[[str], Reply]:
    """The server function that actions.js calls to save one image."""

    def download(id: str) -> Reply:
        return store.download(id)

    return download
