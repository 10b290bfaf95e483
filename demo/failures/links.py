"""Links that open a row of the table of failures in the tab of its task.

An address is how tabs know of each other: `tests/demo/failures/test_links.py` reads these with the tasks' own requests.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from safeclip.failures.kinds import SHOWN
from safeclip.failures.questions import DIRECTIONS

if TYPE_CHECKING:
    from safeclip.failures.slices import Row
    from safeclip.failures.table import Provenance


def link_of(row: "Row", provenance: "Provenance") -> str:
    """The address that asks a row's question again as its table did, with its seat beside the reference: "?q=…"."""
    seat, _, blend = row.seat.partition("@")
    direction = DIRECTIONS[row.direction]
    if direction.task == "generation":
        columns = {"dial": seat} if blend else {"seats": seat}
        painted_with = {name: value for name, value in provenance.settings.items() if name in ("steps", "guidance")}
        return "?" + urlencode({"paint": row.text, "seed": row.number, **painted_with, **columns})
    if direction.task == "captioning":
        return "?" + urlencode({"picture": row.item, "seats": seat})
    subject = {"q": row.text} if direction.asks == "text" else {"item": row.item}
    return "?" + urlencode({**subject, "search": direction.searches, "k": SHOWN, "seats": seat})
