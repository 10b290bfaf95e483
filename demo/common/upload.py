"""The box for a visitor's own picture, and the file that comes out of it.

Gradio would decode an upload before anybody is asked: a 16-bit picture is clipped, a transparent one loses what lies
behind it, and a file that is no picture ends in an error of Pillow's. `safeclip.images.loading.open_image` does all
of that right, so the events that read this box are made with `RAW`.
"""

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from safeclip.hashing import content_id
from safeclip.images.loading import open_image

# Options of an event whose handler takes every value as the browser sent it. Gradio still checks that a file was
# uploaded to this server.
RAW = {"preprocess": False}


def picture_upload(elem_id: str, alt_text: str) -> gr.Image:
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


def uploaded(value: Any) -> tuple[Image.Image | None, str]:
    """What a RAW event brings of `picture_upload` → the picture and its content id; (None, "") for an empty box.

    Raises ImageError for an upload that is no picture.
    """
    path = value.get("path") if isinstance(value, dict) else None
    if not path:
        return None, ""
    data = Path(path).read_bytes()
    return open_image(data), content_id(data)
