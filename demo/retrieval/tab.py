"""The retrieval tab: words, an uploaded image or one of the gallery as the query; hits below."""

import re
from dataclasses import replace
from typing import Any

import gradio as gr
from PIL import Image

from ..common.examples import Example
from ..common.form.subject_form import GALLERY, UPLOAD, WORDS, SubjectForm, Updates, chosen_id
from ..common.tab import TaskTab, Values
from . import tower_matrix
from .examples import examples
from .making_status import add_first_answer, add_status
from .request import MAX_CHARACTERS, RetrievalRequest
from .service import RetrievalService, RetrievalState

_LARGEST_K = 24  # of the slider; links and the API may ask for more


class RetrievalTab(TaskTab[RetrievalRequest, RetrievalState]):
    """Runs when a query is given and when an option changes. Examples change the query and keep the options."""

    form: SubjectForm
    service: RetrievalService

    def find_examples(self) -> tuple[Example[RetrievalRequest], ...]:
        return examples(self.context.lab.profile.name, self.context.gallery, self.default.seats)

    def opening(self) -> str:
        """The answer to the first example, computed when the page is built: it takes milliseconds.

        While nothing can be searched yet, how to begin.
        """
        if not self.service.can_search:
            return self.view.intro(self.first)
        self.service.warm_up()
        return self.view.draw(self.service.answer(self.first))

    def add_controls(self, request: RetrievalRequest) -> None:
        if self.context.making is not None:
            add_status(self.context.making)
        modes = {WORDS: "text", UPLOAD: "upload", GALLERY: "item"}
        self.form = SubjectForm(self.context, modes, request, "Search with")
        self.controls["mode"] = self.form.add_mode("Ask with", "sc-mode")
        with self.form.add_box(WORDS), gr.Row(elem_classes="sc-search"):
            self.add_subject("text", label="What to look for", placeholder="Describe a picture", elem_id="sc-text")
            self.add_buttons("sc-go")
        self.form.add_upload("sc-upload", "The picture to search with")
        self.form.add_gallery(request.item)
        self.controls |= {"upload": self.form.upload, "item": self.form.item}
        with gr.Row(elem_classes="sc-options"):
            self.add_control("search")
            names = [(name, towers) for towers, name in tower_matrix.NAMES.items()]
            self.add_control("towers", choices=names, label="Safe towers")
            self.add_control("seats")
            self.add_control("k", maximum=_LARGEST_K, label="Results", elem_classes="sc-k", min_width=120)

    def read(self, values: Values) -> tuple[RetrievalRequest, Image.Image | None]:
        subject, image = self.form.read(values)
        return replace(self._options(values), **subject), image

    def updates(self, request: RetrievalRequest, before: object = None) -> Updates:
        updates = super().updates(request) | self.form.updates(request, before)
        updates[self.controls["k"]] = gr.update(value=request.k, maximum=max(_LARGEST_K, request.k))
        if not request.text:
            del updates[self.controls["text"]]  # what was typed before stays for whoever goes back to it
        return updates

    def example_updates(self, example: Example[RetrievalRequest], values: Values) -> Updates:
        return self._subject_updates(values, text=example.request.text, item=example.request.item)

    def unlinked(self) -> Updates:
        """The first answer, where the page was built before anything could be searched."""
        if self.context.making is None or not self.service.can_search or not self.examples:
            return {}
        return {self.output: self.view.draw(self.service.answer(self.first))}

    def connect(self) -> None:
        if self.context.making is not None and self.examples:
            add_first_answer(self.context.making, self._begin, [self.output, self._ticket, self.stop])
        self.form.connect(**self.at_once)
        self.on_run(self.form.upload.input, self.controls["k"].release)
        self.on_run(*(self.controls[name].input for name in ("search", "towers", "seats")))
        self.on_change(self.output.use, self._use)
        self.on_change(self.form.picker.use, self._use)
        self.on_change(self.output.towers, self._choose_towers)
        self.on_change(self.output.word, self._replace_word)

    def _begin(self, session: gr.Request) -> Updates:
        """Answers what the controls say, in the place of what stood there while nothing could be searched."""
        turn = self._runs.turn_of(session.session_hash)
        waiting = self.drawn_in(turn, self.service.waiting(self.first), first=True, follow=True)
        return {**waiting, **self._ticket_of(self._runs.start(session.session_hash, turn, linked=True))}

    def _use(self, data: dict[str, Any], values: Values) -> Updates:
        """Searches with an image of the gallery or of the hits."""
        return self._subject_updates(values, item=chosen_id(data))

    def _choose_towers(self, data: dict[str, Any], values: Values) -> Updates:
        """Searches with other towers."""
        return {self.controls["towers"]: str(data.get("towers", ""))}

    def _replace_word(self, data: dict[str, Any], values: Values) -> Updates:
        """Searches with a word that the model knows in place of one that it does not know."""
        text, word, near = (str(data.get(name, ""))[:MAX_CHARACTERS] for name in ("text", "word", "near"))
        return self._subject_updates(values, text=replace_word(text, word, near))

    def _subject_updates(self, values: Values, *, text: str = "", item: str = "") -> Updates:
        """Sets the query's controls alone: the options stay as they are."""
        request = RetrievalRequest(text=text, item=item)
        shown = {self.controls["text"]: text} if text else {}
        return {**shown, **self.form.updates(request, values["mode"])}

    def _options(self, values: Values) -> RetrievalRequest:
        """A request with the options of the controls and no query yet."""
        return RetrievalRequest(**{name: values[name] for name in ("search", "k", "towers", "seats")})


def replace_word(text: str, word: str, near: str) -> str:
    """`text` with each whole `word`, in any case, replaced by `near`."""
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", lambda _: near, text, flags=re.IGNORECASE)
