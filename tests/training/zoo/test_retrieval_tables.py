"""Tables of retrieval for the pages."""

from training.data.open_world.splits import SPLITS
from training.evaluation.open_world.figures import REQUIRED, missing, place_of
from training.evaluation.open_world.rows import ROWS
from training.zoo.retrieval_tables import UNMEASURED, retrieval_tables


def open_metrics() -> dict:
    """Figures of two rows, the others not measured; every figure another number."""
    metrics: dict = {
        "open_world": {"n": 1000, "command": "measure <it>", "date": "2026-02-03", "trials": 8},
        "free_text": {row: {"image": {"found@5": figure(40.0)}} for row in ("original", "ours")},
        "differences": {"original": {"utility": {split: {"ours": figure(-1.5)} for split in SPLITS}}},
    }
    for row in ROWS:
        for number, path in enumerate(REQUIRED):
            tree = metrics
            *place, name = place_of(path, row)
            for part in place:
                tree = tree.setdefault(part, {})
            tree[name] = figure(number / 4) if row in ("original", "ours") else missing("not given")
    return metrics


def figure(mean: float) -> dict:
    return {"mean": mean, "low": mean - 1, "high": mean + 1, "n": 10, "seeds": 1}


def test_without_figures_the_page_says_how_to_measure():
    assert retrieval_tables({}) == UNMEASURED and "training.evaluation.open_world" in UNMEASURED


def test_every_split_has_a_table_with_the_rows_that_were_measured():
    text = retrieval_tables(open_metrics())
    assert "by `measure <it>` on 2026-02-03" in text and "best of 8" in text
    tables = text.split("### ")[1:]
    assert [table.split("\n")[0] for table in tables[: len(SPLITS)]] == [f"Split `{split}`" for split in SPLITS]
    for table in tables:
        rows = [line.split(" |")[0] for line in table.splitlines() if line.startswith("| ")][1:]
        assert rows == ["| original", "| ours"]
    first = tables[0].splitlines()[4]
    recall = REQUIRED.index(f"splits/{SPLITS[0]}/text_to_image/r@1") / 4
    assert first.startswith(f"| original | {recall:.1f} ({recall - 1:.1f}–{recall + 1:.1f}) |")
    assert tables[0].splitlines()[5].endswith("| -1.5 (-2.5–-0.5) |")
