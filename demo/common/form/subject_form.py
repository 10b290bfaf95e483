"""Controls that choose a request's subject: words, an uploaded image, or an image of the gallery."""

from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from ..blocks import html, payload
from ..request_codec import Request, one_line
from . import gallery_picker as picker
from .upload import image_upload, read_upload

if TYPE_CHECKING:
    from ..context import PageContext

WORDS, UPLOAD, GALLERY = "Words", "Your picture", "From the gallery"

Updates = dict[Any, Any]  # component → its new value


class SubjectForm:
    """Modes to choose from, each with the box of its control; a page without a gallery has no mode for it.

    `modes` maps the name of a mode to the field of the request that it fills in. The `add_…` methods build the
    components where they are called. `purpose` begins the name of each button of the gallery.
    """

    def __init__(self, context: "PageContext", modes: dict[str, str], request: Any, purpose: str) -> None:
        self.modes = {name: field for name, field in modes.items() if field != "item" or context.gallery is not None}
        self.boxes: dict[str, gr.Column] = {}
        self.opening = self.mode_of(request)
        self._context = context
        self._purpose = purpose

    def mode_of(self, request: Request) -> str:
        """The mode that a request is made in: that of its subject, or the first one."""
        filled = [name for name, field in self.modes.items() if getattr(request, field)]
        return filled[0] if filled else next(iter(self.modes))

    def add_mode(self, label: str, elem_id: str) -> gr.Radio:
        """The choice among the modes, where there is one."""
        self.mode = gr.Radio(
            list(self.modes),
            value=self.opening,
            label=label,
            visible=len(self.modes) > 1,
            elem_classes="sc-segments sc-modes",
            elem_id=elem_id,
        )
        return self.mode

    def add_box(self, mode: str) -> gr.Column:
        """A column that is visible in this mode."""
        self.boxes[mode] = gr.Column(visible=mode == self.opening, elem_classes="sc-box")
        return self.boxes[mode]

    def add_upload(self, elem_id: str, alt_text: str) -> None:
        """The box for an image of the visitor's own."""
        with self.add_box(UPLOAD):
            self.upload = image_upload(elem_id, alt_text)

    def add_gallery(self, item: str) -> None:
        """The box that shows the gallery, and the id of the item that was chosen from it."""
        self.item = gr.State(item)
        with self.add_box(GALLERY):
            self.picker = html(self._first_page() if self.opening == GALLERY else "", "sc-picker-box")

    @property
    def outputs(self) -> list[Any]:
        """The components beside the controls that `updates` sets."""
        return [*self.boxes.values(), self.picker]

    def read(self, values: dict[str, Any]) -> tuple[dict[str, Any], Image.Image | None]:
        """The controls' values → the subject's field, and the image that was uploaded. Raises ImageError."""
        field = self.modes.get(str(values["mode"]))
        if field == "upload":
            image, id = read_upload(values["upload"])
            return {"upload": id}, image
        return ({field: values[field]} if field else {}), None

    def updates(self, request: Any, before: object = None) -> Updates:
        """The controls as a request that uploads nothing has them; `before` is the mode until now."""
        mode = self.mode_of(request)
        return {self.mode: mode, self.item: request.item, **self.open(mode, before)}

    def open(self, mode: object, before: object = None) -> Updates:
        """The box of a mode alone visible; the gallery begins anew unless it was open before."""
        updates: Updates = {box: gr.update(visible=mode == name) for name, box in self.boxes.items()}
        if mode == GALLERY != before and self._context.gallery is not None:
            updates[self.picker] = self._first_page()
        return updates

    def connect(self, **options: Any) -> None:
        """Switching modes, and turning the gallery's pages. `options` are those of an event that answers at once."""
        self.mode.input(self.open, self.mode, self.outputs, **options)
        self.picker.browse(self._browse, None, self.picker, **options)

    def _browse(self, event: gr.EventData) -> str:
        return self._page(picker.PickerFilter.read(payload(event)))

    def _first_page(self) -> str:
        return self._page(picker.PickerFilter())

    def _page(self, filter: picker.PickerFilter) -> str:
        gallery = self._context.gallery
        return "" if gallery is None else picker.draw(gallery, filter, self._context.blur_policy, self._purpose)


def chosen_id(data: dict[str, Any]) -> str:
    """The id of the gallery item whose button was pressed, as the browser sends it."""
    return one_line(str(data.get("id", "")))[:64]
