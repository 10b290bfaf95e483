"""Two ranks of a training as forks of one process that has imported it: what torchrun does, in half of the time."""

import multiprocessing
import os
import sys

from training.cli import main

TIMEOUT = 240  # seconds


def statuses_of_two_ranks(arguments: list[str], port: int) -> list[int | None]:
    """Exit statuses of the command that both ranks give, meeting at `port`; None of one that did not end in time."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    ranks = [processes.Process(target=_run_rank, args=(rank, port, arguments), daemon=True) for rank in range(2)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(TIMEOUT)
    return [rank.exitcode for rank in ranks]


def _run_rank(rank: int, port: int, arguments: list[str]) -> None:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()}
    sys.exit(main(arguments))
