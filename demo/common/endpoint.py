"""Endpoints: a task for programs, with the parameters, ranges and texts of its request's declaration."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic

import gradio as gr
from gradio.components.api_component import Api
from gradio.context import LocalContext
from gradio.utils import get_function_description

from safeclip.errors import QueryError, SafeClipError
from safeclip.options import shortened

from .blocks import current_page
from .form.upload import read_api_file
from .request_codec import Field, SeatKeys, Upload, fields_of
from .service import SERVER_ERROR, R, S, TaskService, log_failure, plain

Json = dict[str, Any]


class TaskEndpoint(Generic[R, S]):
    """One endpoint. Its docstring is its description in the API's documentation, and `returns` that of the result.

    `options` are switches beside the parameters of the request: name → default and description.
    """

    name: ClassVar[str]
    returns: ClassVar[str] = ""
    options: ClassVar[Mapping[str, tuple[bool, str]]] = {}

    def __init__(self, service: TaskService[R, S]) -> None:
        self.service = service

    def describe(self, state: S, **options: Any) -> Json:
        """A finished state as plain JSON values; errors and notes are made presentable afterwards."""
        return state.comparison.to_dict()

    def add(self) -> None:
        """Adds the endpoint to the current gr.Blocks. It shares its queue with the task's tab."""
        limit = self.service.concurrency
        publish(self._function(), self.name, concurrency_id=self.service.name, concurrency_limit=limit)

    def answer(self, values: Mapping[str, Any]) -> Json:
        """The JSON answer to a program's values by the names of the parameters. Raises SafeClipError."""
        asked = dict(values)
        options = {name: _checked(name, asked.pop(name, None), default) for name, (default, _) in self.options.items()}
        image = None
        for name, field in self._fields().items():
            if isinstance(field, Upload):
                image, asked[name] = read_api_file(asked.get(name))
        request = self.service.request_type.from_json(asked)
        state = self.service.answer_or_raise(self._with_all_seats(request), image)
        link = state.request.to_link()
        permalink = {"permalink": f"?{link}" if link else None, "fingerprint": self.service.fingerprint}
        return _presentable(self.describe(state, **options)) | permalink

    def _with_all_seats(self, request: R) -> R:
        """Compares all seats where a program names none."""
        fields = fields_of(self.service.request_type)
        left_out = [n for n, field in fields.items() if isinstance(field, SeatKeys) and getattr(request, n) is None]
        return replace(request, **{name: tuple(self.service.seats) for name in left_out})

    def _fields(self) -> dict[str, Field[Any]]:
        return {field.api or name: field for name, field in fields_of(self.service.request_type).items()}

    def _function(self) -> Callable[..., Json]:
        """A function whose signature and docstring Gradio reads as those of a handwritten one."""
        parameters = self._parameters()

        def call(*values: Any) -> Json:
            try:
                session = LocalContext.request.get()
                self.service.rate_limit.spend(session.session_hash if session else None)
                return self.answer(dict(zip(parameters, values, strict=True)))
            except SafeClipError as error:
                raise gr.Error(plain(str(error)), print_exception=False) from error
            except Exception as error:  # its message is neither for the program nor for the log: see `log_failure`
                log_failure(self.service.name, self.service.default, error)
                raise gr.Error(SERVER_ERROR, print_exception=False) from None

        call.__name__ = self.name
        call.__doc__ = self._documentation()
        call.__annotations__ = {name: each.annotation for name, each in parameters.items()} | {"return": Json}
        call.__signature__ = inspect.Signature(list(parameters.values()), return_annotation=Json)  # type: ignore[attr-defined]
        return call

    def _parameters(self) -> dict[str, inspect.Parameter]:
        default = self.service.request_type()
        found = {}
        for name, field in fields_of(self.service.request_type).items():
            annotation, value = field.annotation, getattr(default, name)
            if field.from_profile:
                annotation, value = annotation | None, None
            elif isinstance(field, Upload | SeatKeys):
                value = None
            found[field.api or name] = _parameter(field.api or name, annotation, value)
        return found | {name: _parameter(name, type(value), value) for name, (value, _) in self.options.items()}

    def _documentation(self) -> str:
        described = {name: field.doc or field.label for name, field in self._fields().items()}
        described |= {name: text for name, (_, text) in self.options.items()}
        lines = "\n".join(f"    {name}: {text}" for name, text in described.items())
        return f"{inspect.getdoc(type(self))}\n\nArgs:\n{lines}\n\nReturns:\n    {self.returns}"


def publish(fn: Callable[..., Any], api_name: str, **options: Any) -> None:
    """Adds an endpoint with `gr.api`, and to its API docs what that leaves out: the description of each parameter."""
    gr.api(fn, api_name=api_name, **options)
    _, described, _ = get_function_description(fn)
    endpoint = list(current_page().fns.values())[-1]
    for component, text in zip(endpoint.inputs, described.values(), strict=True):
        if isinstance(component, Api):
            component._api_info["additional_description"] = text


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)


def _checked(name: str, value: Any, default: bool) -> bool:
    """An option's value, or its default where it is left out. Raises QueryError for one of another type."""
    if value is None:
        return default
    if not isinstance(value, bool):
        raise QueryError(f"{name} must be true or false, not {shortened(value)}.")
    return value


def _presentable(result: Json) -> Json:
    """A result whose messages name no folder of the server."""
    for seat in result.get("seats", {}).values():
        if isinstance(seat, dict) and seat.get("error"):
            seat["error"] = plain(seat["error"])
    return result | ({"notes": [plain(note) for note in result["notes"]]} if "notes" in result else {})
