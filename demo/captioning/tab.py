"""The captioning tab: an image and a question above, the image and the answers below."""

from typing import Any

import gradio as gr
from PIL import Image

from ..common.blocks import html
from ..common.examples import Example
from ..common.form.subject_form import GALLERY, UPLOAD, SubjectForm, Updates, chosen_id
from ..common.tab import TaskTab, Values
from .examples import examples
from .request import CaptioningRequest
from .service import CaptioningService, CaptioningState
from .view import CaptioningView, suggestions

_OPTIONS = ("question", "seats", "max_new_tokens", "temperature", "top_p", "seed")


class CaptioningTab(TaskTab[CaptioningRequest, CaptioningState]):
    """Runs when an image is chosen and when a question is put. Without a gallery it takes uploads only."""

    form_classes = "sc-ask-picture"
    go_label = "Ask"
    form: SubjectForm
    service: CaptioningService
    view: CaptioningView

    def find_examples(self) -> tuple[Example[CaptioningRequest], ...]:
        return examples(self.context.lab.profile.name, self.context.gallery, self.default)

    def add_controls(self, request: CaptioningRequest) -> None:
        questions = self.service.model.questions
        self.form = SubjectForm(self.context, {GALLERY: "item", UPLOAD: "upload"}, request, "Ask about")
        self.controls["mode"] = self.form.add_mode("Ask about", "sc-see-mode")
        with gr.Column(elem_classes="sc-box"), gr.Row(elem_classes="sc-search"):
            self.add_subject("question", placeholder=questions[0], elem_id="sc-question")
            self.add_buttons("sc-put", "sc-stop")
        self.suggestions = html(suggestions(questions), "sc-chips-box sc-questions-box")
        self.form.add_gallery(request.item)
        self.form.add_upload("sc-look", "The picture to ask about")
        self.controls |= {"upload": self.form.upload, "item": self.form.item}
        with gr.Row(elem_classes="sc-options"):
            self.add_control("seats")
            with gr.Accordion("More options", open=False, elem_classes="sc-more-options"), gr.Row():
                self.add_control("max_new_tokens", label="Longest answer, in tokens")
                self.add_control("temperature", step=0.05, label="Temperature (0: no chance)")
                self.add_control("top_p")
                self.add_control("seed")

    def add_outputs(self) -> None:
        state, _ = self.service.begin(self.first, None)
        with gr.Row(elem_classes="sc-talk"):
            self.image = self.view_box(self.view.image_box(state), "sc-seen-box")
            self.output = self.view_box(self.opening(), "sc-answers-box")

    def read(self, values: Values) -> tuple[CaptioningRequest, Image.Image | None]:
        subject, image = self.form.read(values)
        options = {name: values[name] for name in _OPTIONS}
        return CaptioningRequest(**subject, **options), image

    def updates(self, request: CaptioningRequest) -> Updates:
        return super().updates(request) | self.form.updates(request)

    def drawn(self, state: CaptioningState, *, first: bool, follow: bool = False) -> Updates:
        image = {self.image: self.view.image_box(state)} if first and not state.error else {}
        return super().drawn(state, first=first, follow=follow) | image

    def run_outputs(self) -> list[Any]:
        return [self.image, *super().run_outputs()]

    def deferred(self) -> list[gr.HTML]:
        return [self.image, self.form.picker, *super().deferred()]

    def connect(self) -> None:
        self.form.connect(**self.at_once)
        self.on_run(self.form.upload.input, self.controls["seats"].input)
        self.on_change(self.suggestions.question, self._ask)
        self.on_change(self.form.picker.use, self._use)

    def _ask(self, data: dict[str, Any], values: Values) -> Updates:
        """Asks a suggested question."""
        return {self.controls["question"]: str(data.get("text", ""))}

    def _use(self, data: dict[str, Any], values: Values) -> Updates:
        """Asks about an image of the gallery."""
        return {self.controls["item"]: chosen_id(data)}
