"""Compacts the stored embeddings: drops rows that no index may hold, merges small shards, brings the indexes along."""

from __future__ import annotations

import numpy as np

from ..build import KEPT, conclude
from ..indexes.plan import IndexPlan
from ..options import CompactOptions
from ..progress import BuildProgress
from ..store.compaction import rewrite_shards
from ..store.folders import reporting_disk
from ..workspace import open_workspace
from .continuing import continued


def compact(options: CompactOptions, progress: BuildProgress) -> str:
    """Rewrites the shards and updates the indexes, without embedding or training; returns what was done."""
    settings = continued(options)
    with open_workspace(options) as work, reporting_disk(work.output, KEPT):
        live = work.live()
        before = work.store.size
        with progress.stage("compact"):
            done = rewrite_shards(
                work.store, lambda modality, ids: np.isin(ids, live[modality].ids), settings.shard_rows
            )
        conclude(work, settings, IndexPlan.of(settings), progress)
        after = work.store.size
    return (
        f"{done.dropped_rows:,} rows dropped; {done.shards_before:,} shards of {before / 1e6:,.1f} MB became "
        f"{done.shards_after:,} of {after / 1e6:,.1f} MB"
    )
