"""Tabs: the controls of a task above, the view of its answers below, and the events between them."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic
from urllib.parse import parse_qsl

import gradio as gr
from PIL import Image

from safeclip.errors import SafeClipError

from .blocks import AS_DRAWN, as_turn, current_page, html, index_in, is_update, reveal_function
from .examples import Example, chips
from .form import controls
from .form.subject_form import SubjectForm, Updates
from .reporting.panel import report_functions
from .request_codec import LONGEST_LINK, Text, Upload, fields_of
from .service import QUEUE_FULL, SILENT, R, S, TaskService, plain
from .session_runs import Run, SessionRuns
from .traffic.parcels import AT_ONCE, Parcels
from .view import TaskView, with_turn

if TYPE_CHECKING:
    from .context import PageContext

Values = dict[str, Any]  # the value of each control by its name; they come from a browser and may be anything
Change = Callable[[dict[str, Any], Values], Updates | None]
Opening = Callable[[dict[str, Any], gr.Request], Updates]


class TaskTab(Generic[R, S]):
    """Builds a task's tab inside the current gr.Blocks; `tabs` are those it stands among.

    `controls` holds the components that are together one request, by the names of its fields; a tab adds others under
    names of its own. By default each field has the control that its declaration describes.

    A run begins with an event that answers at once: it ends the session's run before it, and hands out a ticket. The
    run itself waits in the queue, and computes nothing unless its ticket is still the session's latest. Where an answer
    is not stepwise, it is the answer to that event itself, which spares a visitor two requests.

    What events change is sent as `Parcels`: turns.js shows it unless the visitor has gone on, and never sets a control
    that was changed since the event.
    """

    form_classes: ClassVar[str] = ""
    go_label: ClassVar[str] = "Compare"
    shows_queue: ClassVar[bool] = False  # whether a visitor who waits is shown how many wait before
    at_once: ClassVar[dict[str, Any]] = AT_ONCE  # options of an event that answers without waiting in the queue
    form: SubjectForm | None = None  # of a task that has one

    def __init__(self, context: "PageContext", service: TaskService[R, S], view: TaskView[S], tabs: gr.Tabs) -> None:
        self.context = context
        self.service = service
        self.view = view
        self.key = service.name
        self.default = service.default
        self.examples = self.find_examples()
        self.first = self.examples[0].request if self.examples else self.default
        self.controls: dict[str, Any] = {}
        self._tabs = tabs
        self._first: Updates = {}
        self._runs = SessionRuns()
        self._queue: gr.HTML | None = None
        with gr.Column(elem_classes=f"sc-ask {self.form_classes}"):
            self.add_controls(self.first)
            self.chips = html(chips(self.examples, self.key), "sc-chips-box")
        self.notice = html("", "sc-notice-box")
        self._parcels = Parcels(self.key, tabs, self.notice, view.notice(service.failed(self.default, SILENT)))
        self.add_outputs()
        self._connect()
        self.connect()

    def find_examples(self) -> tuple[Example[R], ...]:
        """The requests that buttons offer to try, the opening one first."""
        return ()

    def add_controls(self, request: R) -> None:
        """Builds the controls and, with `add_buttons`, the buttons."""
        fields = fields_of(self.service.request_type)
        texts = [name for name, field in fields.items() if isinstance(field, Text) and field.subject]
        with gr.Column(elem_classes="sc-box"), gr.Row(elem_classes="sc-search"):
            for name in texts:
                self.add_subject(name)
            self.add_buttons()
        with gr.Row(elem_classes="sc-options"):
            for name in fields:
                if name not in texts:
                    self.add_control(name)

    def add_outputs(self) -> None:
        """Builds the components that show states."""
        self.output = self.view_box(self.opening())

    def read(self, values: Values) -> tuple[R, Image.Image | None]:
        """The controls' values → the request, unchecked, and the image that was uploaded. Raises SafeClipError."""
        fields = fields_of(self.service.request_type)
        return self.service.request_type(**{name: values[name] for name in fields if name in values}), None

    def updates(self, request: R) -> Updates:
        """The controls as a request has them. The box of an upload keeps what is in it."""
        fields = fields_of(self.service.request_type)
        return {
            component: controls.update(request, name, self.service.seats)
            for name, component in self.controls.items()
            if name in fields and not isinstance(fields[name], Upload)
        }

    def drawn(self, state: S, *, first: bool, follow: bool = False) -> Updates:
        """The components that show a state; `first` says that the run has shown nothing yet."""
        return {self.output: self.view.draw(state, follow=follow)}

    def opening(self) -> str:
        """The first screen: the first example where its answer is precomputed, else how to begin."""
        state = self.service.find_precomputed(self.first)
        return self.view.intro(self.first) if state is None else self.view.draw(state)

    def example_updates(self, example: Example[R], values: Values) -> Updates:
        """The controls after an example's button is pressed."""
        return self.updates(example.request)

    def run_outputs(self) -> list[Any]:
        """The components that a run changes."""
        return [self.output, self.notice, *([self.stop] if self.service.stepwise else [])]

    def finished(self, state: S, values: Values) -> Updates:
        """Further changes when a run has ended."""
        return {}

    def unlinked(self) -> Updates:
        """Changes to the first screen since the page was built, for a visitor whom no link shows something else."""
        return {}

    def run_events(self) -> list[Any]:
        """The events that run what the controls say."""
        boxes = [each for each in self.controls.values() if isinstance(each, gr.Textbox)]
        return [self.go.click, *(box.submit for box in boxes)]

    def connect(self) -> None:
        """Connects the events that other tasks do not have."""

    def add_control(self, name: str, **options: Any) -> Any:
        """Builds the control of a field of the request, with `options` of its component."""
        self.controls[name] = controls.control(self.first, name, self.service.seats, **options)
        return self.controls[name]

    def add_subject(self, name: str, **options: Any) -> Any:
        """Builds the wide box of a text that is the request's subject."""
        return self.add_control(name, show_label=False, container=False, scale=8, elem_classes="sc-subject", **options)

    def add_buttons(self, go_id: str | None = None, stop_id: str | None = None) -> None:
        """Builds the button that runs what the controls say, and the one that ends the run."""
        self.go = gr.Button(
            self.go_label, variant="primary", min_width=120, elem_id=go_id, elem_classes="sc-go", scale=0
        )
        self.stop = gr.Button("Stop", visible=False, min_width=80, elem_id=stop_id, elem_classes="sc-stop", scale=0)
        self._ticket = gr.Textbox(visible=False)

    def add_queue(self) -> None:
        """Builds the box that shows a visitor how many wait before."""
        self._queue = html("", "sc-queue-box")

    def view_box(self, value: str, classes: str = "", *, server_functions: Sequence[Any] = ()) -> gr.HTML:
        """A box for a view's HTML, from which answers can be reported, and whose script may call `server_functions`.

        Without any it may reveal the gallery's hidden images.
        """
        calls = server_functions or [reveal_function(self.context.blur_policy)]
        reports = report_functions(self.context.desk)
        return html(value, f"sc-view-box {classes}".strip(), server_functions=[*calls, *reports])

    def on_run(self, *events: Any) -> None:
        """Connects events that run what the controls say."""
        for event in events:
            self._on_begin(event, lambda data, values: {}, [])

    def on_change(self, event: Any, change: Change) -> None:
        """Connects an event that changes controls, by `change` of its data and their values, and then runs."""
        self._on_begin(event, change, self._form_outputs())

    def on_turn(self, event: Any, handle: Callable[..., Updates], inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        """Connects an event that answers at once; `handle` gets its data, the session, the inputs and last its turn."""

        def answer(data: dict[str, Any], session: gr.Request, *values: Any) -> tuple[int, Updates]:
            return as_turn(values[-1]), handle(data, session, *values)

        take = f"(...values) => [...values.slice(0, -1), window.safeclip.turns.take('{self.key}')]"
        inputs = [*inputs, self._parcels.turn]
        return self._parcels.connect(event, answer, inputs, outputs, self._form_outputs(), js=take)

    def on_opening(self, event: Any, opening: Opening) -> None:
        """Connects an event that opens something: the browser shows what of it the visitor has not gone past.

        The data that `opening` gets say whether the tab `is_drawn`, and what the session has `kept` by name.
        """
        kept = {name: each for name, each in self.controls.items() if isinstance(each, gr.State)}

        def answer(data: dict[str, Any], session: gr.Request, is_drawn: Any, *values: Any) -> tuple[int, Updates]:
            known = {"is_drawn": is_drawn, "kept": dict(zip(kept, values, strict=True))}
            return as_turn(data.get("turn")), opening({**data, **known}, session)

        form = self._form_outputs()
        inputs = [self._parcels.turn, *kept.values()]
        outputs = [self._tabs, *form, self._ticket, *self.run_outputs()]
        is_drawn = f"(turn, ...kept) => [window.safeclip.turns.isDrawn('{self.key}'), ...kept]"
        self._parcels.connect(event, answer, inputs, outputs, form, js=is_drawn, opens=True)

    def shown_controls(self) -> list[Any]:
        """The controls that are visible in the first screen."""
        return [each for each in self.controls.values() if not isinstance(each, gr.State) and each.visible is True]

    def follow_links(self, router: gr.HTML) -> None:
        """Opens the links that the router raises, without a reload of the page."""
        self.on_opening(router.open, self._open)

    def request_of(self, link: str) -> R | None:
        """The request of a link, a query string without its question mark; None where it is not of this task."""
        parameters = dict(parse_qsl(link[:LONGEST_LINK], keep_blank_values=True))
        return self.service.request_type.from_link(parameters, self.default)

    def defer(self, tab: gr.Tab) -> None:
        """Draws the first screen when the tab is opened, not with the page, which travels with less."""
        self._first = {component: component.value for component in self.deferred()}
        for component in self._first:
            component.value = ""
        self.output.value = self.view.blank()

        def select(data: dict[str, Any], session: gr.Request) -> Updates:
            return {} if data["is_drawn"] else self._first | self.unlinked()

        self.on_opening(tab.select, select)

    def deferred(self) -> list[gr.HTML]:
        """The components that show the first screen."""
        return [self.output]

    def stop_runs(self, seconds: float) -> bool:
        """Ends the task's answers, also those to programs, and waits up to `seconds`. Returns whether all ended."""
        return self.service.running.stop_all(seconds)

    def abandon(self, session: gr.Request, turn: Any) -> bool:
        """Ends the session's run, and shows nothing more of it. Returns False where it has gone on since `turn`."""
        return self._runs.abandon(session.session_hash, as_turn(turn))

    def _connect(self) -> None:
        self.on_run(*self.run_events())
        self.stop.click(self._stop, None, None, **self.at_once)
        self._connect_follow()
        self.on_change(self.chips.example, self._show_example)
        if type(self).unlinked is not TaskTab.unlinked:
            # a deferred tab brings it when it is opened
            self.on_opening(current_page().load, lambda data, session: {} if self._first else self.unlinked())

    def _connect_follow(self) -> None:
        """Connects the run of a link; not with `then`, as an answer at hand must not wait in the queue."""
        if self.service.stepwise:
            self._connect_run(self.output.follow)
            return

        def follow(data: dict[str, Any], session: gr.Request, ticket: str, *values: Any) -> tuple[int, Updates]:
            run = self._runs.take(session.session_hash, ticket)
            return (run.turn if run else 0), self._whole(session, run, values)

        inputs = [self._ticket, *self.controls.values()]
        self._parcels.connect(self.output.follow, follow, inputs, self.run_outputs(), [])

    def _on_begin(self, event: Any, change: Change, changed: list[Any]) -> None:
        """Connects an event that begins a run of what the controls say after a `change` of the components `changed`."""

        def handle(data: dict[str, Any], session: gr.Request, *values: Any) -> Updates:
            *shown, turn = values
            before = dict(zip(self.controls, shown, strict=True))
            updates = change(data, before)
            if updates is None:
                return {}
            asked = {name: each for name, each in before.items() if not isinstance(self.controls[name], gr.State)}
            asked |= controls.values_in(updates, self.controls)
            run = self._runs.start(session.session_hash, as_turn(turn), asked)
            if self.service.stepwise:
                return updates | self._ticket_of(run)
            taken = self._runs.take(session.session_hash, run.ticket)
            return updates | self._whole(session, taken, shown) if taken is not None else {}

        begun = [self._ticket, self.stop] if self.service.stepwise else self.run_outputs()
        shown = self.on_turn(event, handle, list(self.controls.values()), [*changed, *begun])
        if self.service.stepwise:
            self._connect_run(shown.then)

    def _connect_run(self, event: Any) -> None:
        """Connects an event that answers when its turn in the queue comes, and says so where the queue is full."""
        queued = event(**self._run_options())
        queued.failure(self._turn_away, self._ticket, self.run_outputs(), **AS_DRAWN, **AT_ONCE)

    def _run_options(self) -> dict[str, Any]:
        # the queue's status has a box of its own: over the answer it would hide the one before
        status = {"show_progress": "minimal", "show_progress_on": self._queue} if self.shows_queue else {}
        return {
            "fn": self._run,
            "inputs": [self._ticket, *self.controls.values()],
            "outputs": self.run_outputs(),
            **AS_DRAWN,
            **AT_ONCE,
            "queue": True,
            "concurrency_id": self.key,
            "concurrency_limit": self.service.concurrency,
            **status,
        }

    def _form_outputs(self) -> list[Any]:
        return [*self.controls.values(), *(self.form.outputs if self.form is not None else ())]

    def _show_example(self, data: dict[str, Any], values: Values) -> Updates | None:
        index = index_in(data, self.examples)
        return None if index is None else self.example_updates(self.examples[index], values)

    def _ticket_of(self, run: Run) -> Updates:
        """The ticket of a run, and the button that ends it."""
        return {self._ticket: run.ticket, self.stop: gr.update(visible=self.service.stoppable)}

    def _stop(self, session: gr.Request) -> None:
        self._runs.stop(session.session_hash)

    def _run(self, session: gr.Request, ticket: str, *values: Any) -> Iterator[Any]:
        """Shows the states of what the controls say, as long as the session waits for them."""
        run = self._runs.take(session.session_hash, ticket)
        if run is None:
            yield gr.skip()
            return
        yield from self._updates(session, run, values)

    def _turn_away(self, session: gr.Request, ticket: str) -> Any:
        """Tells a session whose run the queue did not take; what fails later has been told of by its run."""
        run = self._runs.take(session.session_hash, ticket)
        if run is None:
            return gr.skip()
        return {**self._failed(run, self.service.failed(self.default, QUEUE_FULL)), self.stop: gr.update(visible=False)}

    def _whole(self, session: gr.Request, run: Run | None, values: Sequence[Any]) -> Updates:
        """The last of what a run shows; nothing where the session has gone on."""
        last = list(self._updates(session, run, values))[-1] if run is not None else gr.skip()
        return {} if is_update(last) else last

    def _updates(self, session: gr.Request, run: Run, values: Sequence[Any]) -> Iterator[Any]:
        hide = {self.stop: gr.update(visible=False)} if self.service.stepwise else {}
        if run.stop.is_set():  # while it waited for its turn; a link has drawn that it waits
            yield {self.output: self.view.intro(self.default), **hide} if run.linked else hide or gr.skip()
            return
        with self.service.running.one(run.stop):
            yield from self._shown(session, run, dict(zip(self.controls, values, strict=True)) | run.values, hide)

    def _shown(self, session: gr.Request, run: Run, values: Values, hide: Updates) -> Iterator[Any]:
        """The updates that show the states of a run; `hide` are those that end it."""
        first = True
        for state in self._states(session, values, run.stop):
            if not self._runs.is_latest(session.session_hash, run):
                yield gr.skip()  # as Gradio shows the last value once more
                return
            ended = {**hide, **self.finished(state, values)} if state.done else {}
            if first and state.error:
                yield {**self._failed(run, state), **ended}
                return
            yield {**self.drawn_in(run.turn, state, first=first), self.notice: "", **ended}
            first = False

    def _failed(self, run: Run, state: S) -> Updates:
        """What fails at once is told beside the answer that stands; of a link, in the place of its answer."""
        if run.linked:
            return {**self.drawn_in(run.turn, state, first=True), self.notice: ""}
        return {self.notice: self.view.notice(state)}

    def _states(self, session: gr.Request, values: Values, stop: Any) -> Iterator[S]:
        try:
            self.context.rate_limit.spend(session.session_hash)
            request, upload = self.read(values)
        except SafeClipError as error:  # too many questions, an upload that is no image
            yield self.service.failed(self.default, plain(str(error)))
            return
        yield from self.service.states(request, upload, stop)

    def drawn_in(self, turn: int, state: S, *, first: bool, follow: bool = False) -> Updates:
        """As `drawn`, with the browser's number of what the state answers: everything that is shown later has one."""
        drawn = self.drawn(state, first=first, follow=follow)
        return drawn | {self.output: with_turn(drawn[self.output], turn)}

    def _open(self, data: dict[str, Any], session: gr.Request) -> Updates:
        """The tab with the request of a link: its answer where that is at hand, else one to follow.

        Nothing for a link of another task, and for one that the session has gone past.
        """
        request, turn = self.request_of(str(data.get("link", ""))), as_turn(data.get("turn"))
        if request is None or not self.abandon(session, turn):
            return {}
        updates = self.updates(request)
        shown = {self._tabs: gr.update(selected=self.key), **updates, self.notice: ""}
        ready = self.service.find_ready(request)
        if ready is not None:
            ended = {**self.finished(ready, data["kept"]), self.stop: gr.update(visible=False)}
            return {**shown, **self.drawn_in(turn, ready, first=True), **ended}
        waiting = self.drawn_in(turn, self.service.waiting(request), first=True, follow=True)
        run = self._runs.start(session.session_hash, turn, controls.values_in(updates, self.controls), linked=True)
        return {**shown, **self._ticket_of(run), **waiting}
