"""The Generation tab: a prompt on top, what every text encoder makes one painter paint of it below."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from safeclip.errors import SafeClipError
from safeclip.generation.compare import MAX_PICTURES, MAX_PROMPT
from safeclip.profiles import MAX_GUIDANCE, MAX_STEPS

from ..common import permalink
from ..common.blocks import html, revealer
from ..common.examples import chips
from ..common.session_runs import SessionRuns
from ..common.upload import RAW
from ..common.zero_gpu import borrows
from ..retrieval.request import default_seats
from . import history as visit
from . import png_metadata as png_settings
from . import precomputed as shipped_paintings
from .request import LAST_SEED, MIN_GUIDANCE, GenerationRequest
from .service import GenerationState
from .view import GenerationView

if TYPE_CHECKING:
    from safeclip import Lab

    from ..settings import Settings
    from .image_store import ImageStore
    from .service import GenerationService

SIDES, DIAL = "Side by side", "Safety dial"

_ROLL = "() => Math.floor(Math.random() * 1000000)"  # few enough digits to read aloud


@dataclass
class _Controls:
    """The components that together are one prompt, in the order of `values`."""

    mode: gr.Radio
    prompt: gr.Textbox
    seats: gr.CheckboxGroup
    towards: gr.Radio
    pictures: gr.Radio
    seed: gr.Number
    steps: gr.Slider
    guidance: gr.Slider
    negative: gr.Textbox

    @property
    def inputs(self) -> list[Any]:
        painted_how = [self.pictures, self.seed, self.steps, self.guidance, self.negative]
        return [self.mode, self.prompt, self.seats, self.towards, *painted_how]


class GenerationTab:
    """Builds the tab inside the current gr.Blocks; `tabs` are those it stands among. Loads the judges at most."""

    id = "generation"

    def __init__(self, lab: "Lab", settings: "Settings", generations: "GenerationService", tabs: gr.Tabs) -> None:
        self.lab = lab
        self.generations = generations
        self.store = generations.store
        self.stage = GenerationView(lab, self.store)
        self.default = generations.default
        self.examples = shipped_paintings.examples(lab, default_seats(lab.generation.seats.values()))
        self.first = self.examples[0].ask if self.examples else self.default
        self._opening: GenerationState | None = None
        self._tabs = tabs
        self._busy = {"concurrency_id": "generation", "concurrency_limit": settings.concurrency}
        self._runs = SessionRuns()
        self._build()

    def _build(self) -> None:
        with gr.Column(elem_classes="sc-ask sc-ask-prompt"):
            controls = self._controls(self.first)
            tries = html(chips([(each.label, each.ask.prompt) for each in self.examples], room=self.id), "sc-chips-box")
        functions = [revealer(self.store), _downloader(self.store)]
        stage = html(self._open(), "sc-stage-box", server_functions=functions)
        past = html("", "sc-visit-box")
        self._connect(controls, tries, stage, past)

    def _open(self) -> str:
        """The first example where its pictures came with the page, else how to begin."""
        if self.generations.shipped.find(self.first) is not None:
            *_, self._opening = self.generations.tell(self.first)
            return self.stage.draw(self._opening)
        return self.stage.intro(self.first.seats)

    def _controls(self, ask: GenerationRequest) -> _Controls:
        reference, *others = self.lab.generation.seats.values()
        choices = [(seat.label, seat.key) for seat in others]
        mode = gr.Radio(
            [SIDES, DIAL] if others else [SIDES],
            value=SIDES,
            label="Compare",
            elem_classes="sc-segments",
            elem_id="sc-paint-mode",
        )
        with gr.Column(elem_classes="sc-box"), gr.Row(elem_classes="sc-search"):
            prompt = gr.Textbox(
                ask.prompt,
                show_label=False,
                label="Prompt",
                placeholder="Describe a picture to paint",
                max_lines=1,
                max_length=MAX_PROMPT,
                container=False,
                scale=8,
                elem_id="sc-prompt",
            )
            self._go = gr.Button("Paint", variant="primary", scale=0, min_width=120, elem_id="sc-paint")
            self._stop = gr.Button("Stop", visible=False, scale=0, min_width=80, elem_id="sc-paint-stop")
            self._ticket = gr.Textbox(visible=False)
        self._queue = html("", "sc-queue-box")
        with gr.Row(elem_classes="sc-options"):
            seats = gr.CheckboxGroup(
                choices,
                value=list(ask.seats),
                label=f"Beside {reference.label}",
                elem_classes="sc-segments sc-many",
                visible=bool(others),
            )
            towards = gr.Radio(
                choices,
                value=others[0].key if others else None,
                label=f"From {reference.label} to",
                elem_classes="sc-segments",
                visible=False,
            )
            pictures = gr.Radio(
                list(range(1, MAX_PICTURES + 1)), value=ask.pictures, label="Pictures", elem_classes="sc-segments"
            )
            with gr.Row(elem_classes="sc-seed"):
                seed = gr.Number(ask.seed, precision=0, minimum=0, maximum=LAST_SEED, label="Seed", min_width=100)
                self._dice = gr.Button("Another seed", elem_id="sc-dice", min_width=34, scale=0)
            with gr.Accordion("More options", open=False, elem_classes="sc-more-options"):
                steps = gr.Slider(1, MAX_STEPS, value=ask.steps, step=1, label="Steps", buttons=[])
                guidance = gr.Slider(
                    MIN_GUIDANCE, MAX_GUIDANCE, value=ask.guidance, step=0.1, label="Guidance", buttons=[]
                )
                negative = gr.Textbox(
                    ask.negative,
                    label="Without",
                    max_lines=1,
                    max_length=MAX_PROMPT,
                    placeholder="what not to paint",
                    elem_id="sc-without",
                )
                self._file = gr.UploadButton(
                    "Settings of a downloaded picture", file_types=[".png"], size="sm", elem_id="sc-settings"
                )
        return _Controls(mode, prompt, seats, towards, pictures, seed, steps, guidance, negative)

    def _connect(self, controls: _Controls, tries: gr.HTML, stage: gr.HTML, past: gr.HTML) -> None:
        visits = gr.State([])
        private = {"api_visibility": "private", **RAW}
        at_once = {"queue": False, "trigger_mode": "multiple", "show_progress": "hidden", **private}
        begun = [self._ticket, self._stop]
        # who waits sees where in the queue, in a box of its own: a status over the stage would hide what is there
        run = {
            "inputs": [self._ticket, visits, *controls.inputs],
            "outputs": [stage, self._stop, visits, past],
            "trigger_mode": "multiple",
            "show_progress": "minimal",
            "show_progress_on": self._queue,
            **private,
            **self._busy,
        }

        for event in (controls.prompt.submit, self._go.click):
            event(self._begin, None, begun, **at_once).then(self._run, **run)
        tries.example(self._tried, None, [*controls.inputs, *begun], **at_once).then(self._run, **run)
        self._file.upload(self._reread, self._file, [*controls.inputs, stage], **at_once)
        past.recall(self._recall, visits, [*controls.inputs, stage, self._stop], **at_once)
        self._stop.click(self._halt, None, None, **at_once)
        self._dice.click(None, None, controls.seed, js=_ROLL, api_visibility="private")
        controls.mode.input(self._turn, controls.mode, [controls.seats, controls.towards, controls.pictures], **at_once)
        page = gr.context.Context.root_block
        page.load(self._restore, None, [self._tabs, *controls.inputs, *begun, stage], **at_once)
        stage.follow(self._run_linked, **run)  # not `then`: who follows no link must not wait in the queue for nothing

    def _begin(self, request: gr.Request) -> list[Any]:
        """A ticket for a run of this session, and the button that ends it."""
        stoppable = not borrows(self.lab.generation.spec)  # a borrowed GPU answers as a whole
        return [self._runs.start(request.session_hash).ticket, gr.update(visible=stoppable)]

    def _run_linked(self, request: gr.Request, ticket: str, visits: list, *values: Any) -> Iterator[list[Any]]:
        yield from self._run(request, ticket, visits, *values, linked=True)

    def _run(
        self, request: gr.Request, ticket: str, visits: list, *values: Any, linked: bool = False
    ) -> Iterator[list[Any]]:
        """Paint what the controls say, as long as the session has not gone on to something else."""
        run = self._runs.get(request.session_hash, ticket)
        if run is None:
            yield [gr.skip()] * 4
            return
        if run.stop.is_set():  # while it waited for its turn; a link has drawn that it waits
            stage = self.stage.intro(self.default.seats) if linked else gr.skip()
            yield [stage, gr.update(visible=False), gr.skip(), gr.skip()]
            return
        for painted in self.generations.tell(_ask(*values), run.stop):
            if self._runs.get(request.session_hash, ticket) is None:
                yield [gr.skip()] * 4  # for gradio shows the last thing said once more
                return
            drawn = self.stage.draw(painted)
            if painted.done:
                visits = visit.remember(visits, painted)
                yield [drawn, gr.update(visible=False), visits, visit.strip(visits)]
            else:
                yield [drawn, gr.skip(), gr.skip(), gr.skip()]

    def _halt(self, request: gr.Request) -> None:
        self._runs.stop(request.session_hash)

    def _tried(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        index = _index(event, self.examples)
        if index is None:
            return [gr.skip()] * 11
        return [*self._set(self.examples[index].ask), *self._begin(request)]

    def _reread(self, file: Any) -> list[Any]:
        """The controls as a picture that was downloaded here has them in it, ready to be painted again."""
        path = file.get("path") if isinstance(file, dict) else None
        try:
            ask = png_settings.ask_from_settings(png_settings.read(path or b""), self.default)
        except SafeClipError as error:
            return [*[gr.skip()] * 9, self.stage.fault(str(error))]
        return [*self._set(ask or self.default), gr.skip()]

    def _recall(self, visits: list, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Something painted before in this visit, with its settings. What is being painted now, ends."""
        index = _index(event, visits)
        if index is None:
            return [gr.skip()] * 11
        self._runs.leave(request.session_hash)
        painted = visits[index].painted
        return [*self._set(painted.ask), self.stage.draw(painted), gr.update(visible=False)]

    def _restore(self, request: gr.Request) -> list[Any]:
        """What the address asks for, in the open tab, when it asks for a painting; else the opening example."""
        ask = permalink.generation_from_query(dict(request.query_params), self.default)
        if ask is None:
            return [*[gr.skip()] * 12, self._kept_opening()]
        waiting = self.stage.draw(GenerationState(ask), follow=True)
        return [gr.update(selected=self.id), *self._set(ask), *self._begin(request), waiting]

    def _kept_opening(self) -> Any:
        """The opening pictures anew, where the store has had no room for those that the page was made with."""
        if self._opening is None:
            return gr.skip()
        ids = [id for ids in self._opening.ids.values() for id in ids]
        if all([self.store.source(id) for id in ids]):  # of each, so that none is the oldest for long
            return gr.skip()
        *_, self._opening = self.generations.tell(self.first)
        return self.stage.draw(self._opening)

    def _set(self, ask: GenerationRequest) -> list[Any]:
        """Every control as `ask` has it."""
        _, *others = self.lab.generation.seats
        dial = ask.dial in others
        mode = DIAL if dial else SIDES
        seats, towards, pictures = self._turn(mode)
        return [
            mode,
            ask.prompt,
            seats | {"value": [key for key in others if key in ask.seats]},
            towards | ({"value": ask.dial} if dial else {}),
            pictures | {"value": ask.pictures},
            ask.seed,
            ask.steps,
            ask.guidance,
            ask.negative,
        ]

    def _turn(self, mode: str) -> list[dict[str, Any]]:
        """The options that go with a mode: of a dial there is one picture a position."""
        others = len(self.lab.generation.seats) > 1
        return [
            gr.update(visible=others and mode != DIAL),
            gr.update(visible=others and mode == DIAL),
            gr.update(visible=mode != DIAL),
        ]


def _downloader(store: "ImageStore") -> Callable[[str], dict[str, object]]:
    """The server function that actions.js calls to save one picture."""

    def download(id: str) -> dict[str, object]:
        return store.download(id)

    return download


def _index(event: gr.EventData, things: Any) -> int | None:
    """Which of `things` was pressed; None for what is none of them. It comes from a browser and may be anything."""
    index = (event._data or {}).get("index")
    known = isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(things)
    return index if known else None


def _ask(
    mode: str,
    prompt: str,
    seats: list,
    towards: str,
    pictures: int,
    seed: int,
    steps: int,
    guidance: float,
    negative: str,
) -> GenerationRequest:
    """The controls' values → what to paint. They may be anything: `GenerationService` checks them."""
    dial = towards if mode == DIAL else ""
    return replace(
        GenerationRequest(prompt=prompt, negative=negative, seats=seats, seed=seed, steps=steps, guidance=guidance),
        pictures=1 if dial else pictures,
        dial=dial,
    )
