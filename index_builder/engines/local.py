"""Engine `local`: embeds in this process, with threads that read and decode ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from .batches import Batch, EmbeddedBatch, EmbeddingTask, Engine, finish, prepare

WORKERS = 2


def local_engine(task: EmbeddingTask, workers: int = WORKERS) -> Engine:
    """Engine of this process: `workers` threads prepare the next batches while one batch is embedded."""

    def run(batches: Iterable[Batch]) -> Iterator[EmbeddedBatch]:
        waiting: deque = deque()
        with ThreadPoolExecutor(workers, "prepare") as pool:
            for batch in batches:
                waiting.append(pool.submit(prepare, batch, task))
                if len(waiting) > workers:
                    yield finish(waiting.popleft().result(), task)
            while waiting:
                yield finish(waiting.popleft().result(), task)

    return run
