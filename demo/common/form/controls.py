"""Controls of request fields: each kind of field has its component, with the range and choices of the declaration."""

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import gradio as gr
from gradio.components import Component

from safeclip.profiles import Seat

from ..blocks import is_update
from ..request_codec import (
    Choice,
    Decimal,
    Field,
    GalleryId,
    Request,
    SeatKey,
    SeatKeys,
    Text,
    Upload,
    Whole,
    fields_of,
)
from ..service import default_seats
from .upload import image_upload

_SLIDER = 1000  # a whole number with more values than that is typed


def control(request: Request, name: str, seats: Mapping[str, Seat], **options: Any) -> Any:
    """The control of a request's field, set to the request's value. `options` overrule those of the component."""
    field = fields_of(type(request))[name]
    component, defaults = describe(field, seats)
    values = {"label": field.label.capitalize(), **defaults, **options}
    if not isinstance(field, Upload):
        values.setdefault("value", _shown(getattr(request, name)))
    return component(**values)


def update(request: Request, name: str, seats: Mapping[str, Seat]) -> Any:
    """The value that shows a request's field in its control.

    Seats that the profile lacks are left out; where it has none of them, as with another profile's link, the usual ones
    stand instead.
    """
    value = getattr(request, name)
    if isinstance(fields_of(type(request))[name], SeatKeys):
        known = tuple(key for key in seats if key in value)
        value = known if known or not value else default_seats(seats)
    return _shown(value)


def values_in(updates: Mapping[Any, Any], controls: Mapping[str, Any]) -> dict[str, Any]:
    """The values that updates set controls to, by the controls' names."""
    values = {}
    for name, component in controls.items():
        update = updates.get(component, gr.skip())
        if not is_update(update):
            values[name] = update
        elif "value" in update:
            values[name] = update["value"]
    return values


@singledispatch
def describe(field: Field[Any], seats: Mapping[str, Seat]) -> tuple[Callable[..., Component], dict[str, Any]]:
    """The class of a field's component, and its options."""
    raise TypeError(f"There is no control for a {type(field).__name__}.")


@describe.register
def _(field: Text, seats: Mapping[str, Seat]) -> tuple[Callable[..., Component], dict[str, Any]]:
    return gr.Textbox, {"max_lines": 1, "max_length": field.longest}


@describe.register
def _(field: GalleryId, seats: Mapping[str, Seat]) -> tuple[Callable[..., Component], dict[str, Any]]:
    return _state, {}


@describe.register
def _(field: Upload, seats: Mapping[str, Seat]) -> tuple[Callable[..., Component], dict[str, Any]]:
    return _upload, {}


@describe.register
def _(field: Choice, seats: Mapping[str, Seat]) -> tuple[Callable[..., Component], dict[str, Any]]:
    choices = [(choice.capitalize(), choice) for choice in field.choices]
    return gr.Radio, {"choices": choices, "elem_classes": "sc-segments"}


@describe.register
def _(field: Whole, seats: Mapping[str, Seat]) -> tuple[Callable[..., Component], dict[str, Any]]:
    if field.high - field.low > _SLIDER:
        return gr.Number, {"precision": 0, "minimum": field.low, "maximum": field.high}
    return gr.Slider, {"minimum": field.low, "maximum": field.high, "step": 1, "buttons": []}


@describe.register
def _(field: Decimal, seats: Mapping[str, Seat]) -> tuple[Callable[..., Component], dict[str, Any]]:
    return gr.Slider, {"minimum": field.low, "maximum": field.high, "step": 0.01, "buttons": []}


@describe.register
def _(field: SeatKeys, seats: Mapping[str, Seat]) -> tuple[Callable[..., Component], dict[str, Any]]:
    reference, *others = seats.values()
    return gr.CheckboxGroup, {
        "choices": [(seat.label, seat.key) for seat in others],
        "label": f"Beside {reference.label}",
        "elem_classes": "sc-segments sc-many",
        "visible": bool(others),
    }


@describe.register
def _(field: SeatKey, seats: Mapping[str, Seat]) -> tuple[Callable[..., Component], dict[str, Any]]:
    _, *others = seats.values()
    return gr.Radio, {"choices": [(seat.label, seat.key) for seat in others], "elem_classes": "sc-segments"}


def _shown(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _state(*, value: str, **_: Any) -> Component:
    return gr.State(value)


def _upload(*, elem_id: str, alt_text: str, **_: Any) -> Component:
    return image_upload(elem_id, alt_text)
