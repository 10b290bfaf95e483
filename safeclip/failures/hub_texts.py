"""Texts to ask from the hub, by address or by the name of a well-known list, and tables of failures to the hub."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import HubError, QueryError, first_line
from ..runtime.checkpoint_names import Repository
from ..runtime.hub import client, hub_error, make_repository
from ..runtime.network import endpoint

if TYPE_CHECKING:
    from .table import StoredTable

NAMED = {
    "visu-text": "hf://datasets/aimagelab/ViSU-Text/ViSU-Text_test.json",
    "nsfwcaps": "hf://datasets/Adeely93/NSFWCaps",
    "i2p": "hf://datasets/AIML-TUDA/i2p/i2p_benchmark.csv",
}
TABLE = "failures.parquet"

_SCHEME = "hf://datasets/"
_ADDRESS = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+)(?:@([\w.-]+))?(?:/(.+))?")
_READABLE = (".csv", ".json", ".jsonl", ".parquet")
_LISTED = 8  # files that a message names

_CARD = """---
pretty_name: Failures of {profile}
tags: [safe-clip]
configs:
- config_name: default
  data_files: {table}
---
# Where {columns} fail

{rows:,} outcomes of the profile “{profile}” on “{source}”, made {date} by safeclip {version}. Fingerprint of encoders,
gallery, models, judges and settings: `{fingerprint}`. The texts are harmful ones for the most part.

`[failures] table = "{table}"` in a profile shows it on the page.
"""


def local_texts(place: str) -> Path:
    """The file of texts that `place` names: a path, an address "hf://datasets/OWNER/NAME[@REVISION][/FILE]", or NAMED.

    A file of the hub is downloaded into its cache. Without a FILE the dataset's only list is taken, or its only one
    called "test". Raises HubError, and QueryError for an address that is none or names no one file.
    """
    if Path(place).exists():
        return Path(place)
    address = NAMED.get(place.lower(), place)
    if not address.startswith("hf://"):
        return Path(place)  # whoever reads it says that it is not there
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise QueryError(f"“{place}” is no address: {_SCHEME}OWNER/NAME, perhaps with @REVISION and /FILE after it.")
    repository = Repository(found[1], found[2])
    from huggingface_hub import hf_hub_download

    try:
        name = found[3] or _only_list(repository)
        return Path(
            hf_hub_download(repository.id, name, repo_type="dataset", revision=repository.revision, endpoint=endpoint())
        )
    except QueryError:
        raise
    except Exception as error:  # the hub's client, its HTTP library and the disk each have errors of their own
        raise hub_error(error, repository, dataset=True) from error


def push(table: "StoredTable", path: Path, repository: str, *, public: bool = False) -> str:
    """Uploads the table that was written to `path` into a dataset, private unless `public`, with a card.

    Returns the address of the commit. Raises HubError.
    """
    from huggingface_hub import CommitOperationAdd

    about = table.provenance
    card = _CARD.format(
        table=TABLE,
        profile=about.profile,
        source=about.source,
        columns=", ".join(about.columns.values()),
        rows=table.rows.num_rows,
        date=about.date,
        version=about.version,
        fingerprint=about.fingerprint,
    )
    operations = [CommitOperationAdd(TABLE, str(path)), CommitOperationAdd("README.md", card.encode())]
    api = client()
    try:
        make_repository(api, repository, kind="dataset", private=not public)
        done = api.create_commit(
            repository, operations, repo_type="dataset", commit_message=f"Failures of {about.profile}"
        )
    except HubError:
        raise
    except Exception as error:  # of the network, of the token, of the hub
        raise HubError(f"{repository}: the hub did not take the table ({first_line(error)}).") from error
    return str(done.commit_url)


def _only_list(repository: Repository) -> str:
    """The name of the one file of a dataset that texts can be read from. Raises QueryError."""
    names = client().list_repo_files(repository.id, repo_type="dataset", revision=repository.revision)
    lists = [name for name in names if name.endswith(_READABLE) and Path(name).name != "dataset_infos.json"]
    tests = [name for name in lists if "test" in Path(name).stem.lower()]
    for found in (lists, tests):
        if len(found) == 1:
            return found[0]
    if not lists:
        raise QueryError(f"{repository} has no file of texts: none ends in {', '.join(_READABLE)}.")
    listed = ", ".join(lists[:_LISTED]) + (", …" if len(lists) > _LISTED else "")
    raise QueryError(f"{repository} has several files; add one to the address: {listed}.")
