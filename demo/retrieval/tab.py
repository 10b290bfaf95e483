"""The Retrieval tab: controls on top, the stage below, and the events between them."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from safeclip.errors import SafeClipError

from ..common import examples, permalink
from ..common import gallery_picker as picker
from ..common.blocks import html, revealer
from ..common.upload import RAW, picture_upload, uploaded
from . import tower_matrix as towers
from .request import MAX_CHARACTERS, RetrievalRequest, default_seats
from .service import RetrievalAnswer, RetrievalService
from .view import RetrievalView

if TYPE_CHECKING:
    from safeclip import Lab

    from ..common.blur_policy import BlurPolicy
    from ..settings import Settings

_LARGEST_K = 24  # of the slider; links and the API may ask for more

WORDS, UPLOAD, SHELF = "Words", "Your picture", "From the gallery"


@dataclass
class _Controls:
    """The components that together are one question, in the order of `values`."""

    mode: gr.Radio
    text: gr.Textbox
    picture: gr.Image
    item: gr.State
    search: gr.Radio
    k: gr.Slider
    towers: gr.Radio
    seats: gr.CheckboxGroup
    boxes: tuple[gr.Column, gr.Column, gr.Column]

    @property
    def inputs(self) -> list[Any]:
        return [self.mode, self.text, self.picture, self.item, self.search, self.k, self.towers, self.seats]

    @property
    def outputs(self) -> list[Any]:
        return [*self.inputs, *self.boxes]


class RetrievalTab:
    """Builds the tab inside the current gr.Blocks. `answers` is shared with the API."""

    def __init__(self, lab: "Lab", settings: "Settings", answers: RetrievalService, shield: "BlurPolicy") -> None:
        self.lab = lab
        self.answers = answers
        self.shield = shield
        self.stage = RetrievalView(lab, shield)
        self.default = RetrievalRequest(seats=default_seats(lab.profile.seats))
        self.examples = self._examples()
        self._busy = {"concurrency_id": "retrieval", "concurrency_limit": settings.concurrency}
        self._build()

    def _examples(self) -> tuple[examples.Example, ...]:
        try:
            return examples.load(self.lab.profile.name, self.lab.gallery, self.default.seats)
        except SafeClipError:  # without a gallery nothing can be asked, and the stage says why
            return ()

    def _build(self) -> None:
        opening = self.examples[0].ask if self.examples else self.default
        self.answers.warm_up()
        first = self.answers.get(opening)
        with gr.Column(elem_classes="sc-ask"):
            controls = self._controls(opening)
            labelled = [(each.label, each.ask.item or each.ask.text) for each in self.examples]
            chips = html(examples.chips(labelled), "sc-chips-box")
        stage = html(self.stage.draw(first), "sc-stage-box", server_functions=[revealer(self.shield)])
        self._connect(controls, chips, stage)

    def _controls(self, ask: RetrievalRequest) -> _Controls:
        _, *others = self.lab.profile.seats
        mode = gr.Radio(
            [WORDS, UPLOAD, SHELF], value=WORDS, label="Ask with", elem_classes="sc-segments", elem_id="sc-mode"
        )
        with gr.Column(elem_classes="sc-box") as words_box, gr.Row(elem_classes="sc-search"):
            text = gr.Textbox(
                ask.text,
                show_label=False,
                label="What to look for",
                placeholder="Describe a picture",
                max_lines=1,
                max_length=MAX_CHARACTERS,
                container=False,
                scale=8,
                elem_id="sc-text",
            )
            self._go = gr.Button("Compare", variant="primary", scale=0, min_width=120, elem_id="sc-go")
        with gr.Column(visible=False, elem_classes="sc-box") as picture_box:
            picture = picture_upload(elem_id="sc-upload", alt_text="The picture to search with")
        with gr.Column(visible=False, elem_classes="sc-box") as shelf_box:
            self._shelf = html("", "sc-shelf-box")
        with gr.Row(elem_classes="sc-options"):
            search = gr.Radio(
                [("Images", "images"), ("Captions", "captions")],
                value=ask.search,
                label="Search",
                elem_classes="sc-segments",
            )
            safe_towers = gr.Radio(
                list(towers.CHOICES), value=ask.towers, label="Safe towers", elem_classes="sc-segments"
            )
            reference = self.lab.profile.seats[0].label
            seats = gr.CheckboxGroup(
                [(seat.label, seat.key) for seat in others],
                value=list(ask.seats),
                label=f"Beside {reference}",
                elem_classes="sc-segments sc-many",
            )
            k = gr.Slider(
                1, _LARGEST_K, value=ask.k, step=1, label="Results", buttons=[], elem_classes="sc-k", min_width=120
            )
        boxes = (words_box, picture_box, shelf_box)
        return _Controls(mode, text, picture, gr.State(ask.item), search, k, safe_towers, seats, boxes)

    def _connect(self, controls: _Controls, chips: gr.HTML, stage: gr.HTML) -> None:
        private = {"api_visibility": "private", "show_progress": "hidden", **RAW}
        run = {"fn": self._run, "inputs": controls.inputs, "outputs": [stage], **private, **self._busy}
        moves = {"outputs": [*controls.outputs, self._shelf, stage], **private, **self._busy}
        moves["trigger_mode"] = "multiple"  # a speaker who presses a key twice means it twice
        for event in (controls.text.submit, self._go.click, controls.picture.input):
            event(**run)
        for event in (controls.search.input, controls.k.release, controls.towers.input, controls.seats.input):
            event(trigger_mode="always_last", **run)
        controls.mode.input(self._open_box, controls.mode, [*controls.boxes, self._shelf], queue=False, **private)

        def shown(event: gr.EventData, *values: Any) -> list[Any]:
            if not self.examples:
                return self._still()
            example = self.examples[_number(event, "index") % len(self.examples)].ask
            return self._show(replace(_options(*values), text=example.text, item=example.item), before=values[0])

        def used(event: gr.EventData, *values: Any) -> list[Any]:
            return self._show(replace(_options(*values), item=_text(event, "id")), before=values[0])

        def worded(event: gr.EventData, *values: Any) -> list[Any]:
            text = _swap(_text(event, "text"), _text(event, "word"), _text(event, "near"))
            return self._show(replace(_options(*values), text=text))

        def towered(event: gr.EventData, *values: Any) -> list[Any]:
            try:
                ask, picture = _ask(*values)
            except SafeClipError as error:
                return [*self._still()[:-1], self._fault(error)]
            return self._show(replace(ask, towers=_text(event, "towers")), picture, before=values[0])

        chips.example(shown, controls.inputs, **moves)
        stage.use(used, controls.inputs, **moves)
        self._shelf.use(used, controls.inputs, **moves)
        stage.towers(towered, controls.inputs, **moves)
        stage.word(worded, controls.inputs, **moves)
        self._shelf.browse(self._browse, None, self._shelf, queue=False, trigger_mode="multiple", **private)
        gr.context.Context.root_block.load(self._restore, None, moves["outputs"], **private, **self._busy)

    def _run(self, *values: Any) -> str:
        try:
            return self.stage.draw(self.answers.get(*_ask(*values)))
        except SafeClipError as error:  # an upload that is no picture
            return self._fault(error)

    def _fault(self, error: SafeClipError) -> str:
        return self.stage.draw(RetrievalAnswer(self.default, error=str(error)))

    def _show(self, ask: RetrievalRequest, picture: Image.Image | None = None, *, before: str = "") -> list[Any]:
        """Answer `ask` and set every control to it; `before` is the mode until now, whose box is filled already."""
        answer = self.answers.get(ask, picture)
        ask = answer.ask
        mode = UPLOAD if ask.upload else SHELF if ask.item else WORDS
        known = [seat.key for seat in self.lab.profile.seats[1:]]
        return [
            gr.update(value=mode),
            gr.update(value=ask.text) if mode == WORDS else gr.skip(),
            gr.skip(),
            ask.item,
            gr.update(value=ask.search),
            gr.update(value=ask.k, maximum=max(_LARGEST_K, ask.k)),
            gr.update(value=ask.towers),
            gr.update(value=[key for key in ask.seats if key in known]),
            *(gr.update(visible=mode == each) for each in (WORDS, UPLOAD, SHELF)),
            self._first_page() if mode == SHELF != before else gr.skip(),
            self.stage.draw(answer),
        ]

    def _first_page(self) -> str:
        return picker.shelf(self.lab.gallery, picker.View(), self.shield)

    def _still(self) -> list[Any]:
        return [gr.skip()] * 13

    def _restore(self, request: gr.Request) -> list[Any]:
        """What the address asks for, when it asks for something."""
        ask = permalink.from_query(dict(request.query_params), self.default)
        return self._still() if ask is None else self._show(ask)

    def _open_box(self, mode: str) -> list[Any]:
        shelf = self._first_page() if mode == SHELF else gr.skip()
        return [*(gr.update(visible=mode == each) for each in (WORDS, UPLOAD, SHELF)), shelf]

    def _browse(self, event: gr.EventData) -> str:
        return picker.shelf(self.lab.gallery, picker.View.read(event._data), self.shield)


# What a handler gets from a browser may be anything: `Answers` checks the options, and `Gallery` the ids.


def _options(
    mode: str, text: str, file: Any, item: str, search: str, k: float, safe: str, seats: list
) -> RetrievalRequest:
    """The controls' values → how to answer, with no query yet."""
    return RetrievalRequest(search=search, k=int(k or 0), towers=safe, seats=tuple(seats or ()))


def _ask(mode: str, text: str, file: Any, item: str, *options: Any) -> tuple[RetrievalRequest, Image.Image | None]:
    """The controls' values → the question and its picture. Raises ImageError for an upload that is no picture."""
    ask = _options(mode, text, file, item, *options)
    if mode == UPLOAD:
        picture, upload = uploaded(file)
        return replace(ask, upload=upload), picture
    if mode == SHELF:
        return replace(ask, item=item or ""), None
    return replace(ask, text=text if mode == WORDS and text else ""), None


def _text(event: gr.EventData, name: str) -> str:
    return str((event._data or {}).get(name, ""))[:MAX_CHARACTERS]


def _number(event: gr.EventData, name: str) -> int:
    number = (event._data or {}).get(name, 0)
    return number if isinstance(number, int) else 0


def _swap(text: str, word: str, near: str) -> str:
    """`text` with every whole `word`, in any case, replaced by `near`."""
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", lambda _: near, text, flags=re.IGNORECASE)
