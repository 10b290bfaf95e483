"""What tests of the captioning task share."""

from dataclasses import replace

from demo.captioning.request import CaptioningRequest
from demo.captioning.service import CaptioningService
from tests.fakes.painting import NONE
from tests.fakes.serving import context_of


def request_of(item, **more) -> CaptioningRequest:
    return replace(CaptioningRequest(item=item.image_id, seats=("safe",), max_new_tokens=12), **more)


def service_of(lab, **parts) -> CaptioningService:
    """A service without precomputed captions, unless `parts` has some."""
    return CaptioningService(context_of(lab), **{"precomputed": NONE, **parts})
