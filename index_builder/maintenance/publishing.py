"""Publishes a gallery and its indexes as a dataset repository of the hub."""

from __future__ import annotations

from collections.abc import Callable

from safeclip.errors import HubError, first_line
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.projection import NAME as MAP_NAME
from safeclip.runtime.hub import client, make_repository

from ..errors import BuildError
from ..gallery.files import CARD
from ..indexes.milvus_collections import find_places
from ..report import REPORT
from ..workspace import Workspace
from .card import make_card
from .info import describe_all

# The quarantine lists names of files of this machine, and thumbnails are made again by who wants them.
_OF_THE_GALLERY = ["data/test-*.parquet"]


def push(work: Workspace, repository: str, *, public: bool, log: Callable[[str], None]) -> str:
    """Uploads the gallery's rows, the indexes of every seat, the map and a card; returns the address.

    Files of rows that the repository has and the gallery lacks are deleted there.

    The repository is made where there is none, private unless `public`. Raises SafeClipError for a gallery and
    indexes that do not belong together or were altered, HubError for what the hub refuses.
    """
    card = check(work, repository)
    try:
        hub = client()
        make_repository(hub, repository, kind="dataset", private=not public)
        log(f"uploading {work.gallery_path}")
        hub.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=work.gallery_path,
            allow_patterns=_OF_THE_GALLERY,
            delete_patterns=_OF_THE_GALLERY,
            commit_message="Gallery",
        )
        log(f"uploading {work.output}")
        hub.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=work.output,
            path_in_repo="index",
            allow_patterns=[*(f"{seat.key}/*" for seat in work.seats), MAP_NAME, REPORT],
            commit_message="Indexes",
        )
        hub.upload_file(
            repo_id=repository,
            repo_type="dataset",
            path_or_fileobj=card.encode(),
            path_in_repo=CARD,
            commit_message="Card",
        )
    except HubError:
        raise
    except Exception as error:  # the hub's client and its HTTP library each have errors of their own
        raise HubError(f"The hub did not take {repository}: {first_line(error)}. {_remedy(error)}") from error
    return f"{hub.endpoint}/datasets/{repository}"


def _remedy(error: Exception) -> str:
    refused = getattr(getattr(error, "response", None), "status_code", None) in (401, 403)
    login = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write there."
    return login if refused else "Give the command again."


def check(work: Workspace, repository: str) -> str:
    """Makes the card of what would be uploaded. Raises SafeClipError when that is incomplete or was altered."""
    if repository.count("/") != 1:
        raise BuildError(f"{repository!r} is no name of a repository: write OWNER/NAME.")
    for seat in work.seats:
        manifest = Manifest.read(work.output / seat.key)
        manifest.verify_files(work.output / seat.key)
        manifest.verify_gallery(work.gallery)
        if any(place.is_server for place in find_places(work.output / seat.key)):
            raise BuildError(
                f"The index of {seat.key} is in a Milvus server, which cannot be published. Build it into files first: "
                "build without --milvus."
            )
    about = describe_all(work)
    uploaded = {seat.key: about["indexes"][seat.key] for seat in work.seats}
    return make_card(repository, {**about, "indexes": uploaded})
