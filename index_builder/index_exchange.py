"""Keeps finished indexes in a dataset of the hub, since a Space loses its disk at each restart."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from safeclip.errors import first_line
from safeclip.retrieval.manifest import NAME as MANIFEST
from safeclip.retrieval.projection import NAME as MAP
from safeclip.runtime import hub, network

VARIABLE = "SAFECLIP_CACHE_REPO"  # names the dataset

log = logging.getLogger(__name__)


def fetch_index(folder: Path) -> bool:
    """Downloads the indexes of a folder's name where the folder has none. Returns whether there were any.

    An index whose encoder or gallery has changed since is found out by its manifest, and made again.
    """
    name = os.environ.get(VARIABLE, "")
    if not name or any(folder.glob(f"*/{MANIFEST}")) or not network.may_ask():
        return False
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(
            name,
            repo_type="dataset",
            endpoint=network.endpoint(),
            allow_patterns=f"{folder.name}/*",
            local_dir=folder.parent,
        )
    except Exception as error:  # the hub's client, its HTTP library and the disk each have errors of their own
        log.warning("%s gives no index, so it is made here: %s", name, first_line(error))
    return any(folder.glob(f"*/{MANIFEST}"))


def publish_index(folder: Path, seats: list[str]) -> bool:
    """Uploads the indexes of these seats, their embeddings and the map to the dataset. Returns whether that succeeded.

    A failure is logged and costs nothing but the making at the next start.
    """
    name = os.environ.get(VARIABLE, "")
    if not name or not network.may_ask():
        return False
    try:
        hub.client().upload_folder(
            repo_id=name,
            repo_type="dataset",
            folder_path=folder,
            path_in_repo=folder.name,
            allow_patterns=[MAP, "shards/*.safetensors", "shards/ledger.jsonl", *(f"{seat}/*" for seat in seats)],
            commit_message=f"Indexes of {folder.name}",
        )
    except Exception as error:  # as above, and the dataset may not be this token's to write to
        log.warning("the index could not be kept in %s: %s", name, first_line(error))
        return False
    return True
