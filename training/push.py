"""`safeclip-train push`: uploads a trained adapter, or a model that `export` wrote, to the Hugging Face hub.

    safeclip-train push runs/safe-clip OWNER/NAME [--public]

Of a run it uploads what transformers and PEFT load: the adapter with its configuration, and a card with the recipe and
the figures of evaluation.json where there is one. A folder of `safeclip-train export` goes up as it is. The repository
is private unless --public is given.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from safeclip.errors import CheckpointError, HubError, first_line
from safeclip.runtime.checkpoint_names import Repository, is_repository
from safeclip.runtime.hub import make_repository

from .base_name import base_name
from .engine.job import SAVED
from .evaluation.command import guarded
from .model_card import CARD, card, require_whole

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PROGRAM = "safeclip-train push"
ADAPTER = "adapter"
PEFT_CONFIG = "adapter_config.json"
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


def base_of(run: Path) -> str:
    """The checkpoint that a run's adapter is of. Raises CheckpointError."""
    require_whole(run / ADAPTER)
    try:
        config = json.loads((run / ADAPTER / PEFT_CONFIG).read_text(encoding="utf-8"))
        return config["base_model_name_or_path"]
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{run / ADAPTER}: there is no adapter of a finished training ({error}).") from error


def push(run: Path, repository: str, api: "HfApi", *, public: bool = False, license: str = "other") -> str:
    """Uploads a run's adapter, or a folder that has a card already; returns the address of the commit.

    Raises CheckpointError for an unfinished run, HubError.
    """
    if (run / PEFT_CONFIG).is_file() and (run.parent / SAVED).is_file():
        raise CheckpointError(f"{run}: this is the adapter of a run, without its card. Push the run: {run.parent}.")
    exported = (run / CARD).is_file() and not (run / ADAPTER).is_dir()
    folder = run if exported else _with_card(run, repository, license)
    try:
        make_repository(api, repository, private=not public)
        done = api.upload_folder(repo_id=repository, folder_path=folder, commit_message="A Safe-CLIP")
    except HubError:
        raise
    except Exception as error:  # of the hub, of the network, of access that is not granted: many kinds
        raise HubError(f"{repository}: the hub did not take {folder} ({first_line(error)}).") from error
    return str(done.commit_url)


def _with_card(run: Path, repository: str, license: str) -> Path:
    """The folder of a complete run's adapter, with its card. A base that nobody else can load is said."""
    if not run.is_dir():
        raise CheckpointError(f"{run}: there is no such folder. Name that of a run, or of an export.")
    if not (run / SAVED).is_file():
        raise CheckpointError(f"{run}: the training is not complete; give its command again until it is.")
    base = base_of(run)
    if not is_repository(base):
        advice = f"safeclip-train export {run} --out FOLDER writes a whole model, which push takes too"
        print(f"The adapter's base, {base}, is a folder of this machine, so others cannot load it: {advice}.")
    named = Repository.parse(base) if is_repository(base) else None
    use = USE.format(
        base=json.dumps(base_name(base)),
        note="" if named else "  # a folder of whoever trained it",
        revision=f", revision={json.dumps(named.revision)}" if named and named.revision else "",
        repository=json.dumps(repository),
    )
    text = card(run, base, library="peft", license=license, use=use)
    (run / ADAPTER / CARD).write_text(text, encoding="utf-8")
    return run / ADAPTER


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status."""
    options = build_parser(program).parse_args(argv)

    def action() -> None:
        from huggingface_hub import HfApi

        print(push(options.run, options.repository, HfApi(), public=options.public, license=options.license))

    return guarded(program, action)
