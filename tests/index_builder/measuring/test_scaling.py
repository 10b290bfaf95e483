"""The figures of docs/scaling.md: its tables, the formulae behind them, and the simulated build."""

import json

import numpy as np
import pytest

from index_builder.engines.batches import batches
from index_builder.measuring.scaling import Encoders, Gallery, Machine
from index_builder.measuring.scaling_page import MEASURED, PAGE, filled, tables
from index_builder.measuring.shard_plan import ShardPlan, expected_hours, simulate
from index_builder.store.shards import Shard, write_shard


def test_the_page_shows_what_was_measured():
    page = PAGE.read_text(encoding="utf-8")
    content = tables(json.loads(MEASURED.read_text(encoding="utf-8")))
    assert all(page.count(f"<!-- {name} -->\n") == page.count(f"<!-- /{name} -->") == 1 for name in content)
    assert filled(page, content) == page, "run python -m index_builder.measuring.scaling_page"


@pytest.mark.parametrize("rows", [1, 99, 100, 1234])
def test_the_plan_is_what_the_builder_does(rows, tmp_path):
    plan = ShardPlan(rows, seats=2, dim=8, shard_rows=100)
    units = [batch.unit for batch in batches(np.arange(rows), "images", batch_size=7, unit_rows=100)]
    assert plan.shards == len(set(units))
    vectors = {name: np.zeros((100, 8), np.float32) for name in ("a", "b")}
    write_shard(tmp_path / "x.safetensors", Shard(np.arange(100), vectors))
    assert plan.shard_bytes <= (tmp_path / "x.safetensors").stat().st_size <= plan.shard_bytes + 400


def test_a_simulated_build_loses_nothing_and_takes_what_is_expected():
    plan = ShardPlan(1_000_050, seats=2, dim=8, shard_rows=1000)
    outcomes = [simulate(plan, 50_000, 0.5, seed) for seed in range(60)]
    for outcome in outcomes:
        assert sum(outcome.shard_rows) == plan.rows and len(outcome.shard_rows) == plan.shards
        assert 0 < outcome.rows_again < outcome.crashes * plan.shard_rows
    mean = np.mean([outcome.hours for outcome in outcomes])
    assert mean == pytest.approx(expected_hours(plan, 50_000, 0.5), rel=0.01)
    undisturbed = simulate(plan, 50_000, 1e9)
    assert undisturbed.crashes == 0 and undisturbed.hours == pytest.approx(plan.rows / 50_000)


def test_larger_shards_cost_more_at_a_crash():
    hours = [expected_hours(ShardPlan(10**7, 2, 8, rows), 10**6, 1.0) for rows in (2048, 16_384, 65_536)]
    assert 10 < hours[0] < hours[1] < hours[2]


def test_the_slower_of_cores_and_gpu_decides():
    encoders = Encoders("x", 2, 768, flops=1e11)
    cpu_ms = {"decode": 4.0, "prepare": 1.0}
    assert Machine("gpu", 10, 1e14, 3.0, cpu_ms).rate(encoders) == 1000
    assert Machine("gpu", 2, 1e14, 3.0, cpu_ms).rate(encoders) == 400
    gallery = Gallery(3_600_000, 1000, encoders)
    machine = Machine("gpu", 10, 1e14, 3.0, cpu_ms)
    assert (gallery.hours(machine), gallery.hours(machine, 4), gallery.dollars(machine)) == (1.0, 0.25, 3.0)
