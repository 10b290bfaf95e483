"""The endpoints for programs: the same answers as the page's, as JSON."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import gradio as gr
from gradio.utils import get_function_description, get_upload_folder

from safeclip.errors import ImageError, QueryError, SafeClipError
from safeclip.hashing import content_id
from safeclip.images.loading import open_image

from .. import health
from ..common.permalink import to_query
from .request import RetrievalRequest
from .service import RetrievalService, plain

if TYPE_CHECKING:
    from safeclip import Lab

    from ..settings import Settings


def add(lab: "Lab", settings: "Settings", answers: RetrievalService) -> None:
    """Add /retrieve and /profile to the current gr.Blocks."""

    def retrieve(
        query: str = "",
        image: dict | None = None,
        gallery_item: str = "",
        search: Literal["images", "captions"] = "images",
        k: int = 8,
        towers: Literal["both", "text", "image"] = "both",
        seats: list[str] | None = None,
    ) -> dict[str, Any]:
        """Search the gallery with one query under several encoders, side by side.

        Give exactly one of query, image and gallery_item. Hits carry ids, captions and labels, never pictures.

        Args:
            query: the text to search with.
            image: a picture to search with: gradio_client.handle_file("path or address").
            gallery_item: the id of a gallery item whose picture to search with, as hits give it.
            search: what to search, the gallery's "images" or its "captions".
            k: how many hits each seat returns, from 1 to 48.
            towers: which towers of the seats are their own; the other tower is the reference's.
            seats: keys of the seats to compare with the reference, as /profile lists them; all of them when left out.

        Returns:
            {"query", "k", "search", "notes", "seats": {key: {"hits": [{"id", "rank", "score", "item"}], "unsafe_count",
            "query_seat", "index_seat", "error"}}, "unknown_words": {word: [near known words]}, "permalink"}.
        """
        try:
            picture, upload = uploaded_picture(image)
            keys = tuple(seat.key for seat in lab.profile.seats) if seats is None else tuple(seats)
            ask = RetrievalRequest(query or "", gallery_item or "", upload, search, k, towers, keys)
            answer = answers.get_or_raise(ask, picture)
        except SafeClipError as error:
            raise gr.Error(plain(str(error)), print_exception=False) from error
        result = answer.comparison.to_dict()
        for seat in result["seats"].values():
            seat["error"] = seat["error"] and plain(seat["error"])
        link = to_query(answer.ask)
        return result | {"unknown_words": answer.unknown_words, "permalink": f"?{link}" if link else None}

    def profile() -> dict[str, Any]:
        """The profile behind this page: seats, gallery, device, and which profiles are out of reach and why.

        Returns:
            {"profile", "title", "description", "license", "reference", "seats": [{"key", "label", "note"}], "gallery",
            "device", "offline", "out_of_reach": {profile: reason}}.
        """
        return health.about(lab)

    limits = {"concurrency_id": "retrieval", "concurrency_limit": settings.concurrency}
    publish(retrieve, api_name="retrieve", **limits)
    publish(profile, api_name="profile")


def publish(fn: Callable[..., Any], **options: Any) -> None:
    """`gr.api`, and what it leaves out of the API docs: what the docstring says of each parameter."""
    gr.api(fn, **options)
    _, described, _ = get_function_description(fn)
    endpoint = list(gr.context.Context.root_block.fns.values())[-1]
    for component, text in zip(endpoint.inputs, described.values(), strict=True):
        component._api_info["additional_description"] = text


def uploaded_picture(file: dict | None) -> tuple[Any, str]:
    """An uploaded file as the client sends it → the picture and its content id; (None, "") without one.

    The path comes from outside, so only files that were uploaded to this server are read.
    """
    if file is None:
        return None, ""
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str):
        raise QueryError("The image is not an uploaded file. Pass gradio_client.handle_file(path).")
    uploaded = Path(path).resolve()
    if not uploaded.is_relative_to(Path(get_upload_folder()).resolve()) or not uploaded.is_file():
        raise ImageError("The image was not uploaded to this server. Pass gradio_client.handle_file(path).")
    data = uploaded.read_bytes()
    return open_image(data), content_id(data)
