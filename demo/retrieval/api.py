"""The retrieval endpoint."""

from typing import Any

from ..common.endpoint import Json, TaskEndpoint
from .request import RetrievalRequest
from .service import RetrievalState


class RetrievalEndpoint(TaskEndpoint[RetrievalRequest, RetrievalState]):
    """Search the gallery with one query under several encoders, side by side.

    Give exactly one of query, image and gallery_item. Hits carry ids, captions and labels, never pictures.
    """

    name = "retrieve"
    returns = (
        '{"query", "k", "search", "notes", "seats": {key: {"hits": [{"id", "rank", "score", "item"}], "unsafe_count", '
        '"count", "query_seat", "index_seat", "error"}}, "unknown_words": {word: [near known words]}, "permalink", '
        '"fingerprint"}.'
    )

    def describe(self, state: RetrievalState, **options: Any) -> Json:
        return super().describe(state) | {"unknown_words": state.unknown_words}
