"""The Captioning tab: a picture and a question on top, two answers that write themselves below."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from safeclip.captioning.compare import MAX_NEW_TOKENS, MAX_QUESTION, MAX_TEMPERATURE
from safeclip.errors import SafeClipError
from safeclip.options import MAX_SEED

from ..common import gallery_picker as picker
from ..common import permalink
from ..common.blocks import html, revealer
from ..common.examples import chips
from ..common.session_runs import SessionRuns
from ..common.upload import RAW, picture_upload, uploaded
from ..retrieval.request import default_seats
from . import precomputed as shipped
from .request import CaptioningRequest, CaptioningService, CaptioningState
from .view import CaptioningView, suggestions

if TYPE_CHECKING:
    from safeclip import Lab

    from ..common.blur_policy import BlurPolicy
    from ..settings import Settings

_PURPOSE = "Ask about"

SHELF, UPLOAD = "From the gallery", "Your picture"


@dataclass
class _Controls:
    """The components that together are one question, in the order of `values`."""

    mode: gr.Radio
    upload: gr.Image
    item: gr.State
    question: gr.Textbox
    seats: gr.CheckboxGroup
    tokens: gr.Slider
    temperature: gr.Slider
    top_p: gr.Slider
    seed: gr.Number
    boxes: tuple[gr.Column, gr.Column]

    @property
    def inputs(self) -> list[Any]:
        answered_how = [self.seats, self.tokens, self.temperature, self.top_p, self.seed]
        return [self.mode, self.upload, self.item, self.question, *answered_how]

    @property
    def outputs(self) -> list[Any]:
        return [*self.inputs, *self.boxes]


class CaptioningTab:
    """Builds the tab inside the current gr.Blocks; `tabs` are those it stands among. Loads no model."""

    id = "captioning"

    def __init__(
        self, lab: "Lab", settings: "Settings", captions: CaptioningService, shield: "BlurPolicy", tabs: gr.Tabs
    ) -> None:
        self.lab = lab
        self.captions = captions
        self.shield = shield
        self.stage = CaptioningView(lab, shield)
        seats = default_seats(lab.captioning.seats.values())
        self.examples = shipped.examples(lab.profile.name, lab.gallery, seats)
        opening = self.examples[0].ask if self.examples else CaptioningRequest(seats=seats)
        self.default = replace(opening, question=lab.captioning.questions[0])
        self._tabs = tabs
        self._busy = {"concurrency_id": "captioning", "concurrency_limit": settings.concurrency}
        self._runs = SessionRuns()
        self._build()

    def _build(self) -> None:
        with gr.Column(elem_classes="sc-ask sc-ask-picture"):
            controls = self._controls(self.default)
            tries = html(chips([(each.label, each.ask.item) for each in self.examples], room=self.id), "sc-chips-box")
        first = self._opening()
        with gr.Row(elem_classes="sc-talk"):
            seen = html(self.stage.picture(first), "sc-stage-box sc-seen-box", server_functions=[revealer(self.shield)])
            said = self.stage.answers(first) if first.comparison else self.stage.intro(self.default.seats)
            answers = html(said, "sc-stage-box sc-answers-box")
        self._connect(controls, tries, seen, answers)

    def _opening(self) -> CaptioningState:
        """The first example, answered where its answer came with the page."""
        found = self.captions.shipped.find(self.default)
        return CaptioningState(
            self.default, item=self._item(self.default.item), comparison=found, shipped=found is not None
        )

    def _item(self, id: str) -> Any:
        return self.lab.gallery.item(id) if id in self.lab.gallery else None

    def _controls(self, ask: CaptioningRequest) -> _Controls:
        captioning = self.lab.captioning
        reference, *others = captioning.seats.values()
        mode = gr.Radio(
            [SHELF, UPLOAD], value=SHELF, label="Ask about", elem_classes="sc-segments", elem_id="sc-see-mode"
        )
        with gr.Column(elem_classes="sc-box"), gr.Row(elem_classes="sc-search"):
            question = gr.Textbox(
                ask.question,
                show_label=False,
                label="Question",
                placeholder=captioning.questions[0],
                max_lines=1,
                max_length=MAX_QUESTION,
                container=False,
                scale=8,
                elem_id="sc-question",
            )
            self._go = gr.Button("Ask", variant="primary", scale=0, min_width=120, elem_id="sc-put")
            self._stop = gr.Button("Stop", visible=False, scale=0, min_width=80, elem_id="sc-stop")
        self._chips = html(suggestions(captioning.questions), "sc-chips-box sc-questions-box")
        with gr.Column(elem_classes="sc-box") as shelf_box:
            self._shelf = html(self._page(picker.View()), "sc-shelf-box")
        with gr.Column(visible=False, elem_classes="sc-box") as upload_box:
            upload = picture_upload(elem_id="sc-look", alt_text="The picture to ask about")
        with gr.Row(elem_classes="sc-options"):
            seats = gr.CheckboxGroup(
                [(seat.label, seat.key) for seat in others],
                value=list(ask.seats),
                label=f"Beside {reference.label}",
                elem_classes="sc-segments sc-many",
            )
            with gr.Accordion("More options", open=False, elem_classes="sc-more-options"), gr.Row():
                tokens = gr.Slider(
                    1, MAX_NEW_TOKENS, value=ask.max_new_tokens, step=1, label="Longest answer, in tokens", buttons=[]
                )
                temperature = gr.Slider(
                    0, MAX_TEMPERATURE, value=ask.temperature, step=0.05, label="Temperature (0: no chance)", buttons=[]
                )
                top_p = gr.Slider(0.01, 1, value=ask.top_p, step=0.01, label="Top-p", buttons=[])
                seed = gr.Number(ask.seed, precision=0, minimum=0, maximum=MAX_SEED, label="Seed")
        boxes = (shelf_box, upload_box)
        return _Controls(mode, upload, gr.State(ask.item), question, seats, tokens, temperature, top_p, seed, boxes)

    def _connect(self, controls: _Controls, tries: gr.HTML, seen: gr.HTML, answers: gr.HTML) -> None:
        private = {"api_visibility": "private", "show_progress": "hidden", **RAW}
        at_once = {"queue": False, "trigger_mode": "multiple", **private}
        outputs = {"outputs": [seen, answers, self._stop]}
        # a new question ends the one before it, which takes a moment: it waits and is not dropped
        run = {"inputs": controls.inputs, **outputs, "trigger_mode": "multiple", **private, **self._busy}
        sets = {"outputs": controls.outputs, **at_once}

        for event in (controls.question.submit, self._go.click, controls.upload.input):
            event(self._halt, None, None, **at_once).then(self._run, **run)
        self._chips.question(self._questioned, None, controls.question, **at_once).then(self._run, **run)
        self._shelf.use(self._used, None, controls.item, **at_once).then(self._run, **run)
        tries.example(self._tried, None, **sets).then(self._run, **run)
        controls.seats.input(self._halt, None, None, **at_once).then(self._run, **run)
        self._stop.click(self._halt, None, None, **at_once)
        controls.mode.input(self._open_box, controls.mode, list(controls.boxes), **at_once)
        self._shelf.browse(self._browse, None, self._shelf, **at_once)
        page = gr.context.Context.root_block
        linked = page.load(self._restore, None, [self._tabs, *controls.outputs], queue=False, **private)
        linked.then(self._run_linked, **run)

    def _run(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Answer what the controls say, as it is written."""
        stop = self._runs.start(request.session_hash).stop
        try:
            ask, picture = _ask(*values)
        except SafeClipError as error:  # an upload that is no picture
            yield [gr.skip(), self.stage.answers(CaptioningState(self.default, error=str(error))), gr.skip()]
            return
        drawn = False
        for told in self.captions.tell(ask, picture, stop):
            seen = gr.skip() if drawn or told.error else self.stage.picture(told)
            drawn = True
            yield [seen, self.stage.answers(told), gr.update(visible=not told.done)]

    def _run_linked(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Answer the question that the address asks, when it asks one."""
        if permalink.caption_from_query(dict(request.query_params), self.default) is None:
            yield [gr.skip()] * 3
        else:
            yield from self._run(request, *values)

    def _halt(self, request: gr.Request) -> None:
        self._runs.stop(request.session_hash)

    def _questioned(self, event: gr.EventData, request: gr.Request) -> str:
        self._halt(request)
        return str((event._data or {}).get("text", ""))[:MAX_QUESTION]

    def _used(self, event: gr.EventData, request: gr.Request) -> str:
        self._halt(request)
        return str((event._data or {}).get("id", ""))[:64]

    def _tried(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        self._halt(request)
        index = (event._data or {}).get("index", 0)
        if not self.examples or not isinstance(index, int):
            return [gr.skip()] * 11
        example = self.examples[index % len(self.examples)].ask
        return self._set(replace(self.default, item=example.item))

    def _set(self, ask: CaptioningRequest) -> list[Any]:
        """Every control as `ask` about a gallery picture has it."""
        return [
            SHELF,
            gr.skip(),
            ask.item,
            ask.question,
            [key for key in ask.seats if key in self.lab.captioning.seats],
            ask.max_new_tokens,
            ask.temperature,
            ask.top_p,
            ask.seed,
            *self._open_box(SHELF),
        ]

    def _restore(self, request: gr.Request) -> list[Any]:
        """What the address asks for, in the open tab, when it asks for a caption."""
        ask = permalink.caption_from_query(dict(request.query_params), self.default)
        if ask is None:
            return [gr.skip()] * 12
        return [gr.update(selected=self.id), *self._set(ask)]

    def _open_box(self, mode: str) -> list[Any]:
        return [gr.update(visible=mode == each) for each in (SHELF, UPLOAD)]

    def _browse(self, event: gr.EventData) -> str:
        return self._page(picker.View.read(event._data or {}))

    def _page(self, view: picker.View) -> str:
        return picker.shelf(self.lab.gallery, view, self.shield, _PURPOSE)


def _ask(mode: str, file: Any, item: str, question: str, *how: Any) -> tuple[CaptioningRequest, Image.Image | None]:
    """The controls' values → the question and its picture. Raises ImageError for an upload that is no picture.

    They come from a browser and may be anything: the library checks the options, and `CaptioningService` the ids.
    """
    seats, tokens, temperature, top_p, seed = how
    ask = CaptioningRequest(
        question=question or "",
        seats=tuple(seats or ()),
        max_new_tokens=int(tokens or 0),
        temperature=temperature or 0.0,
        top_p=top_p or 0.0,
        seed=int(seed or 0),
    )
    if mode != UPLOAD:
        return replace(ask, item=item or ""), None
    picture, upload = uploaded(file)
    return replace(ask, upload=upload), picture
