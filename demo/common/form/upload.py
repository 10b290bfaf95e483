"""A visitor's own image: the component that takes it, and the file that the browser or a program has uploaded.

Gradio would decode an upload before any of this code is called: a 16-bit image is clipped, a transparent one loses what
lies behind it, and a file that is no image ends in an error of Pillow's. `safeclip.images.loading.open_image` does all
of that right, so the events that read this component are made with `blocks.RAW`.
"""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image

from safeclip.errors import ImageError, QueryError
from safeclip.hashing import content_id
from safeclip.images.loading import open_image

Uploaded = tuple[Image.Image | None, str]  # an RGB image and its content id; (None, "") without one


def image_upload(elem_id: str, alt_text: str) -> gr.Image:
    """An image component for files, the camera and the clipboard."""
    return gr.Image(
        type="filepath",
        sources=["upload", "webcam", "clipboard"],
        label="Your picture",
        show_label=False,
        height=220,
        buttons=["fullscreen"],
        alt_text=alt_text,
        placeholder="Drop a picture here, choose a file, paste one, or use the camera",
        elem_id=elem_id,
        elem_classes="sc-upload",
    )


def read_upload(value: Any) -> Uploaded:
    """Reads what a RAW event brings of `image_upload`. Raises ImageError for an upload that is no image."""
    path = value.get("path") if isinstance(value, dict) else None
    return _read(Path(path)) if path and isinstance(path, str) else (None, "")


def read_api_file(file: Any) -> Uploaded:
    """Reads a file that a program has uploaded, as gradio_client sends it. Raises QueryError or ImageError.

    The path comes from outside, so only files that were uploaded to this server are read.
    """
    if file is None:
        return None, ""
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str):
        raise QueryError("The image is not an uploaded file. Pass gradio_client.handle_file(path).")
    try:
        uploaded = Path(path).resolve()
        arrived = uploaded.is_relative_to(Path(get_upload_folder()).resolve()) and uploaded.is_file()
    except (OSError, ValueError):  # no name of a file at all
        arrived = False
    if not arrived:
        raise ImageError("The image was not uploaded to this server. Pass gradio_client.handle_file(path).")
    return _read(uploaded)


def _read(path: Path) -> Uploaded:
    data = path.read_bytes()
    return open_image(data), content_id(data)
