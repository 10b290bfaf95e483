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
from .evaluation.papers.report import FIGURES, tables

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PROGRAM = "safeclip-train push"
RECIPE, ADAPTER, CARD = "recipe.toml", "adapter", "README.md"
USE = """```python
from peft import PeftModel
from transformers import AutoModel

base = AutoModel.from_pretrained({base})
model = PeftModel.from_pretrained(base, REPOSITORY).merge_and_unload()
```"""


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


def card(run: Path, license: str) -> str:
    """The model card of a run: base, recipe, and the tables of its evaluation. Raises CheckpointError."""
    try:
        config = json.loads((run / ADAPTER / "adapter_config.json").read_text(encoding="utf-8"))
        base = config["base_model_name_or_path"]
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{run / ADAPTER}: there is no adapter of a finished training ({error}).") from error
    parts = [
        f"---\nlicense: {license}\nlibrary_name: peft\nbase_model: {base}\ntags: [safe-clip]\n---",
        f"# Safe-CLIP adapter of {base}",
        USE.format(base=json.dumps(base)),
    ]
    if (run / FIGURES).is_file():
        result = json.loads((run / FIGURES).read_text(encoding="utf-8"))
        parts += [f"## {table.title}\n\n{table.markdown()}" for table in tables(result)]
    else:
        parts.append("No evaluation was made of it: `safeclip-train evaluate` makes one.")
    if (run / RECIPE).is_file():
        parts.append(f"## Recipe\n\n```toml\n{(run / RECIPE).read_text(encoding='utf-8').strip()}\n```")
    parts.append("It reduces harmful answers and does not prevent them.")
    return "\n\n".join(parts) + "\n"


def push(run: Path, repository: str, api: "HfApi", *, public: bool = False, license: str = "other") -> str:
    """Uploads a run; returns the address of the commit. Raises CheckpointError for an unfinished run, HubError."""
    if not (run / SAVED).is_file():
        raise CheckpointError(f"{run}: the training is not complete; give its command again until it is.")
    text = card(run, license).replace("REPOSITORY", json.dumps(repository))
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
