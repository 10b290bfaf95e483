"""`safeclip-train push`: uploads a trained adapter, or a model that `export` wrote, to the Hugging Face hub.

    safeclip-train push runs/safe-clip OWNER/NAME [--public]

Of a run it uploads what transformers and PEFT load: the adapter with its configuration, and a card with the recipe and
the figures of evaluation.json where there is one. A folder of `safeclip-train export` goes up as it is. The repository
is private unless --public is given.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from safeclip.errors import CheckpointError, HubError, first_line
from safeclip.runtime.checkpoint_names import Repository, is_repository
from safeclip.runtime.hub import make_repository

from .base_name import base_name
from .engine.job import SAVED
from .evaluation.command import guarded
from .model_card import CARD, adapter_config, card
from .run_files import ADAPTER_CONFIG, ADAPTER_FOLDER

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PROGRAM = "safeclip-train push"
USE = """
from peft import PeftModel
from transformers import AutoModel

base = AutoModel.from_pretrained({base}{revision}){note}
model = PeftModel.from_pretrained(base, {repository}).merge_and_unload()
"""


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a complete run, or of an export")
    parser.add_argument("repository", help="OWNER/NAME on the hub; made when it is not there")
    parser.add_argument("--public", action="store_true", help="make a new repository public")
    parser.add_argument("--license", default="other", help="licence of the adapter, as the hub spells it")
    return parser


def push(run: Path, repository: str, api: "HfApi", *, public: bool = False, license: str = "other") -> str:
    """Uploads a run's adapter, or a folder that has a card already; returns the address of the commit.

    Raises CheckpointError for an unfinished run, HubError.
    """
    if (run / ADAPTER_CONFIG).is_file() and (run.parent / SAVED).is_file():
        raise CheckpointError(f"{run}: this is the adapter of a run, without its card. Push the run: {run.parent}.")
    if (run / CARD).is_file() and not (run / ADAPTER_FOLDER).is_dir():
        return _upload(run, repository, api, public)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / ADAPTER_FOLDER
        _write_public_copy(run, folder, repository, license)
        return _upload(folder, repository, api, public)


def _upload(folder: Path, repository: str, api: "HfApi", public: bool) -> str:
    try:
        make_repository(api, repository, private=not public)
        done = api.upload_folder(repo_id=repository, folder_path=folder, commit_message="A Safe-CLIP")
    except HubError:
        raise
    except Exception as error:  # of the hub, of the network, of access that is not granted: many kinds
        raise HubError(f"{repository}: the hub did not take the upload ({first_line(error)}).") from error
    return str(done.commit_url)


def _write_public_copy(run: Path, folder: Path, repository: str, license: str) -> None:
    """Writes a complete run's adapter with a card, and with the name that its base has for others.

    A base that nobody else can load is said.
    """
    if not run.is_dir():
        raise CheckpointError(f"{run}: there is no such folder. Name that of a run, or of an export.")
    if not (run / SAVED).is_file():
        raise CheckpointError(f"{run}: the training is not complete; give its command again until it is.")
    adapter = run / ADAPTER_FOLDER
    config = adapter_config(adapter)
    if not (base := config.get("base_model_name_or_path")):
        raise CheckpointError(f"{adapter}: the adapter does not name its base, so nobody could load it.")
    if not is_repository(base):
        advice = f"safeclip-train export {run} --out FOLDER writes a whole model, which push takes too"
        print(f"The adapter's base, {base}, is a folder of this machine, so others cannot load it: {advice}.")
    named = Repository.parse(base) if is_repository(base) else None
    revision = named.revision if named else None
    use = USE.format(
        base=json.dumps(base_name(base)),
        note="" if named else "  # a folder of whoever trained it",
        revision=f", revision={json.dumps(revision)}" if revision else "",
        repository=json.dumps(repository),
    )
    shutil.copytree(adapter, folder)
    config |= {"base_model_name_or_path": base_name(base)} | ({"revision": revision} if revision else {})
    (folder / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    text = card(run, base, library="peft", license=license, use=use)
    (folder / CARD).write_text(text, encoding="utf-8")


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status."""
    options = build_parser(program).parse_args(argv)

    def action() -> None:
        from huggingface_hub import HfApi

        print(push(options.run, options.repository, HfApi(), public=options.public, license=options.license))

    return guarded(program, action)
