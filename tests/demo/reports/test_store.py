"""The store of reports: what it has acknowledged it keeps, whatever happens to the process."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.reports.store import ReportError, ReportStore

# Acknowledges each report on its standard output once `append` has returned, and goes on until it is killed.
WRITER = """
import itertools, sys
from pathlib import Path
from demo.reports.store import ReportStore
store = ReportStore(Path(sys.argv[1]))
for i in itertools.count():
    store.append({"id": i, "reason": "x" * 50_000})
    print(i, flush=True)
"""


def test_what_was_acknowledged_outlives_a_kill_and_no_half_line_is_left(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as writer:
        acknowledged = [int(writer.stdout.readline()) for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += map(int, writer.stdout.read().split())
    ids = [record["id"] for record in ReportStore(tmp_path).records()]
    assert ids[: len(acknowledged)] == acknowledged and len(ids) <= len(acknowledged) + 1


def test_the_beginning_of_a_line_is_no_record_and_the_next_writer_removes_it(tmp_path):
    store = ReportStore(tmp_path)
    store.append({"id": 1})
    with store.file.open("ab") as file:
        file.write(b'{"id": 2, "reason": "torn')
    assert [record["id"] for record in store.records()] == [1]
    store.append({"id": 3})
    assert [json.loads(line)["id"] for line in store.file.read_bytes().splitlines()] == [1, 3]


def test_damaged_lines_are_left_out_and_said(tmp_path, caplog):
    store = ReportStore(tmp_path)
    store.append({"id": 1})
    with store.file.open("ab") as file:
        file.write(b'\n{"id": 2\n')
    store.append({"id": 3})
    assert [record["id"] for record in store.records()] == [1, 3]
    assert caplog.text.count("a line of it is damaged") == 1


def test_several_writers_and_a_deletion_lose_nothing(tmp_path):
    stores = [ReportStore(tmp_path) for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda i: stores[i % 3].append({"id": i}), range(30)))
        list(pool.map(lambda i: stores[0].update(lambda r, i=i: None if r["id"] == i else r), range(0, 30, 2)))
    assert sorted(record["id"] for record in stores[1].records()) == list(range(1, 30, 2))


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="could not be kept"):
        ReportStore(tmp_path / "file" / "reports").append({"id": 1})
