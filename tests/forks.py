"""Commands as forks of one process that has imported what they need, instead of importing it in each of them.

The process is multiprocessing's forkserver: one serves all tests of a process of pytest.
"""

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

import torch
from torch.distributed.launcher.api import elastic_launch
from torch.distributed.run import config_from_args, parse_args

from demo.processes.supervisor import free_port

IMPORTED = [__name__, "training.cli", "training.recipes.safe_clip", "index_builder.cli", "index_builder.build", "peft"]


def forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


def fork(main: Callable[[Any], int], arguments: Any) -> ForkServerProcess:
    """Starts a process whose exit status is what `main` returns, as that of a command does."""
    process = forks().Process(target=_exit_with, args=(main, arguments))
    process.start()
    return process


def torchrun(main: Callable[[Any], int], arguments: Any) -> list[int]:
    """What `main` returns in each of the two ranks that torchrun's agent starts with torchrun's settings."""
    forks()
    flags = ["--nproc-per-node=2", f"--master-port={free_port()}", "--start-method=forkserver", "--module", "unused"]
    config, _, _ = config_from_args(parse_args(flags))
    with ThreadPoolExecutor(1) as thread:  # in the main one the agent would take over the handling of signals
        statuses = thread.submit(elastic_launch(config, main), arguments).result()
    return [statuses[rank] for rank in range(2)]


def _exit_with(main: Callable[[Any], int], arguments: Any) -> None:
    torch.set_num_threads(1)  # as in tests: their number decides the last bit of a sum
    sys.exit(main(arguments))
