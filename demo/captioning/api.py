"""The captioning endpoint."""

from ..common.endpoint import TaskEndpoint
from .request import CaptioningRequest
from .service import CaptioningState


class CaptioningEndpoint(TaskEndpoint[CaptioningRequest, CaptioningState]):
    """Ask one question about a picture through the vision towers of several encoders, side by side.

    Give exactly one of image and gallery_item. All seats share one language model and answer in one batch.
    """

    name = "caption"
    returns = (
        '{"question", "seats": {key: {"text", "mentions": [{"start", "end", "concept", "kind", "category"}], "score", '
        '"harmful", "complete", "error"}}, "judge": {"name", "version", "threshold", "marks_words"}, "notes", '
        '"permalink", "fingerprint"}.'
    )
