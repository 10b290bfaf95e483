"""`safeclip-train push`: uploads a trained adapter with a card to the Hugging Face hub.

    safeclip-train push runs/safe-clip OWNER/NAME [--public]

Uploads what transformers and PEFT load: the adapter with its configuration, the recipe, and a card with the figures of
evaluation.json where the run has one. The repository is private unless --public is given.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from safeclip.errors import CheckpointError, HubError, first_line

from .engine.job import SAVED
from .evaluation.command import guarded
from .model_card import CARD, card

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PROGRAM = "safeclip-train push"
ADAPTER = "adapter"
USE = """
from peft import PeftModel
from transformers import AutoModel

base = AutoModel.from_pretrained({base})
model = PeftModel.from_pretrained(base, {repository}).merge_and_unload()
"""


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a complete run")
    parser.add_argument("repository", help="OWNER/NAME on the hub; made when it is not there")
    parser.add_argument("--public", action="store_true", help="make a new repository public")
    parser.add_argument("--license", default="other", help="licence of the adapter, as the hub spells it")
    return parser


def base_of(run: Path) -> str:
    """The checkpoint that a run's adapter is of. Raises CheckpointError."""
    try:
        config = json.loads((run / ADAPTER / "adapter_config.json").read_text(encoding="utf-8"))
        return config["base_model_name_or_path"]
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{run / ADAPTER}: there is no adapter of a finished training ({error}).") from error


def push(run: Path, repository: str, api: "HfApi", *, public: bool = False, license: str = "other") -> str:
    """Uploads a run; returns the address of the commit. Raises CheckpointError for an unfinished run, HubError."""
    if not (run / SAVED).is_file():
        raise CheckpointError(f"{run}: the training is not complete; give its command again until it is.")
    base = base_of(run)
    use = USE.format(base=json.dumps(base), repository=json.dumps(repository))
    text = card(run, base, library="peft", license=license, use=use)
    (run / ADAPTER / CARD).write_text(text, encoding="utf-8")
    try:
        api.create_repo(repository, private=not public, exist_ok=True)
        done = api.upload_folder(repo_id=repository, folder_path=run / ADAPTER, commit_message="A Safe-CLIP adapter")
    except Exception as error:  # of the hub, of the network, of access that is not granted: many kinds
        raise HubError(f"{repository}: the hub did not take the adapter ({first_line(error)}).") from error
    return str(done.commit_url)


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status."""
    options = build_parser(program).parse_args(argv)

    def action() -> None:
        from huggingface_hub import HfApi

        print(push(options.run, options.repository, HfApi(), public=options.public, license=options.license))

    return guarded(program, action)
