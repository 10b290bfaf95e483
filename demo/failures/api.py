"""The failures endpoint."""

from typing import Any

from safeclip.failures.export import exported

from ..common.endpoint import Json, TaskEndpoint
from .links import link_of
from .request import FailuresRequest
from .service import FailuresState


class FailuresEndpoint(TaskEndpoint[FailuresRequest, FailuresState]):
    """List where a column still fails on the test items, worst first, a page at a time.

    Rows carry ids, captions, ranks and scores, never pictures, and a link that asks the same again.
    """

    name = "failures"
    returns = (
        '{"total", "page", "pages", "rows": [{"kind", "severity", "task", "direction", "seat", "category", "concept", '
        '"split", "text", "item", "found", "rank", "reference_rank", "rank_change", "score", "link", "fingerprint", '
        '"other"}], "shares": [{"name", "failed", "n", "percent", "interval", "few"}], "stale", "permalink", '
        '"fingerprint"}.'
    )

    def describe(self, state: FailuresState, **options: Any) -> Json:
        page = state.comparison
        if page is None:  # of a state that has failed, which never comes here
            return {}
        provenance = self.service.table.provenance  # type: ignore[attr-defined]  # the service is the failures'
        rows = []
        for row in page.rows:
            other = None if row.other is None else exported(row.other, provenance, link_of)
            rows.append(exported(row, provenance, link_of) | {"other": other})
        shares = [
            {"name": each.name, "failed": each.failed, "n": each.n, "few": each.few}
            | {"percent": round(each.percent, 2), "interval": [round(end, 2) for end in each.interval]}
            for each in page.shares
        ]
        pages = {"total": page.total, "page": page.number, "pages": page.last_page}
        return {**pages, "rows": rows, "shares": shares, "stale": list(state.stale)}
