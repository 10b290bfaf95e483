"""The Failures tab and its endpoint: pages, filters, pictures that stay blurred, exports, and a table that has aged."""

import base64
import json
import re
from dataclasses import asdict, replace

import pytest

import safeclip
from demo.common.blur_policy import data_uri
from demo.failures.charts import curve_panel
from demo.failures.request import FailuresRequest
from demo.failures.service import PER_PAGE, FailuresService
from demo.failures.task import FAILURES
from demo.failures.view import FailuresView
from demo.tasks import seated_tasks
from safeclip.errors import QueryError
from safeclip.failures.slices import Filter
from safeclip.failures.table import StoredTable, write_table
from safeclip.profiles import FailuresSpec
from tests.fakes.serving import context_of, tab_of

SAFE = FailuresRequest("safe")


@pytest.fixture(scope="module")
def service(failing_lab) -> FailuresService:
    return FailuresService(context_of(failing_lab))


def draw(lab, request: FailuresRequest, **options) -> str:
    context = context_of(lab, **options)
    service = FailuresService(context)
    return FailuresView(context, service).draw(service.answer(request))


def test_a_profile_with_a_table_has_the_tab(failing_lab, tiny_lab):
    assert FAILURES in seated_tasks(failing_lab.profile) and FAILURES not in seated_tasks(tiny_lab.profile)


def test_pages_together_are_all_rows_once(service):
    first = service.answer(SAFE).comparison
    pages = [service.answer(replace(SAFE, page=number)).comparison for number in range(1, first.last_page + 1)]
    rows = [(row.direction, row.number) for page in pages for row in page.rows]
    assert len(rows) == len(set(rows)) == first.total == len(service.table.select(Filter("safe")))
    assert all(len(page.rows) == PER_PAGE for page in pages[:-1])
    assert service.answer(replace(SAFE, page=1000)).comparison.number == first.last_page


def test_a_chosen_category_is_divided_by_concept(service):
    assert {share.name for share in service.answer(SAFE).comparison.shares} <= {*service.table.values("category")}
    chosen = service.answer(replace(SAFE, category="violence")).comparison
    assert {share.name for share in chosen.shares} <= {*service.table.values("concept")}


@pytest.mark.parametrize("column", ["seat", "against"])
def test_an_unknown_column_is_a_sentence(service, column):
    with pytest.raises(QueryError, match="no column “nobody”. Its columns are original, safe, ours, ours@0.25"):
        service.answer_or_raise(replace(SAFE, **{column: "nobody"}))


def test_a_column_against_itself_is_a_sentence_and_not_a_table_without_differences(service):
    with pytest.raises(QueryError, match="“safe” is compared with itself.*Choose another column"):
        service.answer_or_raise(replace(SAFE, against="safe"))


@pytest.mark.parametrize("name", ["category", "concept", "split"])
def test_a_name_that_no_row_has_is_a_sentence_and_not_a_table_without_failures(service, name):
    with pytest.raises(QueryError, match=f"The table has no {name} “VIOLENCE”.*or leave it out"):
        service.answer_or_raise(replace(SAFE, **{name: "VIOLENCE"}))


def clear_sources(lab) -> set[str]:
    return {data_uri(lab.gallery.image_bytes(item.image_id)) for item in lab.gallery.items if item.unsafe}


def test_unsafe_pictures_are_blurred_and_the_lock_holds(failing_lab):
    drawn = draw(failing_lab, FailuresRequest("original", kind="leaks"))
    assert "Blurred unsafe picture" in drawn and "data-reveal" in drawn
    assert not any(source in drawn for source in clear_sources(failing_lab))
    locked = draw(failing_lab, FailuresRequest("original", kind="leaks"), lock_reveal=True)
    assert "data-reveal" not in locked and "hidden" in locked


def test_a_row_says_its_kind_ranks_and_link(failing_lab, service):
    row = service.answer(SAFE).comparison.rows[0]
    drawn = draw(failing_lab, SAFE)
    assert f'data-kind="{row.kind}"' in drawn and row.text in drawn and "Open in its tab" in drawn


def test_two_columns_stand_side_by_side(failing_lab):
    drawn = draw(failing_lab, replace(SAFE, against="ours@0.5"))
    assert "where they differ" in drawn and "Safe-CLIP + mixed-gallery at 0.5: " in drawn


def test_directions_are_told_in_words(failing_lab):
    choices = dict(tab_of(FAILURES, failing_lab).controls["direction"].choices)
    assert choices["unsafe text → pictures (T*→V∪V*)"] == "unsafe_text_to_all_images"
    assert choices["neutral text → pictures (neutral→V∪V*)"] == "neutral_text_to_all_images"
    assert choices["safe picture → captions (V→T∪T*)"] == "image_to_all_texts"


def test_no_number_of_the_curve_lies_under_a_disc_and_the_axes_have_ticks(service):
    alike = [{"name": str(i), "kind": "column", "utility": 50 + i, "safe_top1": 60} for i in range(5)]
    drawn = str(curve_panel(replace(service.table.provenance, curves=tuple(alike)), {}))
    spots = [(float(x), float(y)) for x, y in re.findall(r'<circle class="sc-spot" cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    names = re.findall(r'<text class="sc-curve-name" x="([\d.]+)" y="([\d.]+)"', drawn)
    assert len(spots) == len(set(names)) == 5
    for x, y in names:
        assert all(abs(float(x) - at) > 6 or abs(float(y) - 4 - height) > 6 for at, height in spots)
    assert [drawn.count(f">{tick}</text>") for tick in (0, 50, 100)] == [2, 2, 2]


def test_the_tab_filters_turns_pages_and_exports(failing_lab):
    tab = tab_of(FAILURES, failing_lab)
    assert tab.controls["seat"].value == "safe" and tab.controls["category"].choices[0] == ("any", "")
    request, _ = tab.read(asdict(replace(SAFE, kind="leaks")))
    assert request == replace(SAFE, kind="leaks")
    download = tab.output.download
    saved = download(f"jsonl {SAFE.to_link()}")
    lines = base64.b64decode(saved["src"].partition(",")[2]).decode().splitlines()
    assert saved["ok"] and saved["name"] == "failures-safe.jsonl"
    assert len(lines) == 1 + tab.service.answer(SAFE).comparison.total and json.loads(lines[1])["seat"] == "safe"
    assert download(f"csv {SAFE.to_link()}")["src"].startswith("data:text/csv")
    for wrong in ("exe failures=safe", "csv", "csv failures=nobody", None):
        assert download(wrong)["ok"] is False


def test_programs_get_rows_shares_and_links(service):
    answer = FAILURES.endpoint(service).answer({"seat": "safe", "kind": "leaks", "against": "ours"})
    json.dumps(answer)
    assert answer["permalink"].startswith("?failures=safe") and answer["stale"] == []
    for row in answer["rows"]:
        assert "leaks" in (row["kind"], row["other"]["kind"]) and row["kind"] != row["other"]["kind"]
    assert {"name", "failed", "n", "percent", "interval", "few"} == set(answer["shares"][0])


def test_a_table_of_other_models_says_so(failing_lab, tmp_path):
    stored = StoredTable.read(tmp_path.joinpath(failing_lab.profile.failures.table))
    aged = replace(stored.provenance, fingerprints=stored.provenance.fingerprints | {"gallery": "another"})
    write_table(tmp_path / "aged.parquet", stored.rows, aged)
    lab = safeclip.open(replace(failing_lab.profile, failures=FailuresSpec(str(tmp_path / "aged.parquet"))))
    assert "made with other models than the page has now (gallery)" in draw(lab, SAFE)


def test_without_a_table_the_tab_says_what_to_do(failing_lab, tmp_path):
    lab = safeclip.open(replace(failing_lab.profile, failures=FailuresSpec(str(tmp_path / "none.parquet"))))
    assert "no table of failures yet" in draw(lab, SAFE)
    assert tab_of(FAILURES, lab).controls["seat"].value == "safe"


def test_columns_are_called_as_the_profile_calls_its_seats_now(failing_lab):
    first, *others = failing_lab.profile.seats
    seats = (first, *(replace(seat, label=f"new {seat.key}") for seat in others))
    lab = safeclip.open(replace(failing_lab.profile, seats=seats))
    columns = FailuresService(context_of(lab)).columns
    assert columns["safe"] == "new safe" and columns["ours@0.5"] == "new ours at 0.5"
    alone = safeclip.open(replace(failing_lab.profile, seats=(first,)))
    assert FailuresService(context_of(alone)).columns["safe"] == "Safe-CLIP"
