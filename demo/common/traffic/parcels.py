"""Parcels: what an event changes travels to turns.js, which shows of it what the visitor has not gone past."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ..blocks import AS_DRAWN, RAW, as_sent, payload

Updates = dict[Any, Any]  # component → its new value
# Gives the browser's number of what it answers, and the updates, to an event's data, the session and the inputs.
Handle = Callable[..., tuple[int, Updates]]

AT_ONCE: dict[str, Any] = {
    "queue": False,
    "trigger_mode": "multiple",
    "show_progress": "hidden",
    "api_visibility": "private",
    **RAW,
}


class Parcels:
    """Sends the parcels of one task's tab.

    Answers can overtake one another, and visitors type while they wait. Gradio would set whatever comes last; turns.js
    leaves out an answer that is older than the one that stands, and controls that were changed since it was asked for.
    """

    def __init__(self, task: str, tabs: gr.Tabs, notice: gr.HTML, fault: str) -> None:
        """Builds the invisible components that carry a parcel and the browser's number of an event.

        `notice` gets the HTML `fault` where no parcel comes, as of a server that was ended.
        """
        self.turn = gr.Number(visible=False)
        self._task = task
        self._tabs = tabs
        self._notice = notice
        self._fault = json.dumps(fault)
        self._box = gr.JSON(visible=False)

    def connect(
        self,
        event: Any,
        handle: Handle,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        controls: Sequence[Any],
        *,
        js: str | None = None,
        opens: bool = False,
    ) -> Any:
        """Connects an event that changes `outputs`, among them `controls`. Returns the event of their being shown.

        `js` makes the inputs; `opens` says that the event opens a link or a first screen.
        """
        outputs = list(dict.fromkeys(outputs))
        states = [each for each in outputs if isinstance(each, gr.State)]  # are kept by the server alone
        sent = [each for each in outputs if each not in states]

        def send(event: gr.EventData, session: gr.Request, *values: Any) -> Any:
            turn, updates = handle(payload(event), session, *values)
            parcel: dict[str, Any] = {"turn": turn, "opens": opens, "tab": {}, "controls": {}, "view": {}}
            for index, each in enumerate(sent):
                if each in updates:
                    group = "tab" if each is self._tabs else "controls" if each in controls else "view"
                    parcel[group][str(index)] = as_sent(each, updates[each])
            return {self._box: parcel} | {each: updates[each] for each in states if each in updates}

        sending = event(send, inputs, [self._box, *states], js=js, **AT_ONCE, **AS_DRAWN)
        failed = f"() => window.safeclip.turns.failed('{self._task}', {self._fault})"
        sending.failure(None, None, self._notice, js=failed, **AT_ONCE)
        show = f"(parcel) => window.safeclip.turns.show('{self._task}', parcel)"
        return sending.success(None, self._box, sent, js=show, **AT_ONCE)
