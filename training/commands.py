"""Commands of `safeclip-train` beside training by a recipe, each imported when it is called."""

import importlib
from collections.abc import Callable

COMMANDS = {  # name → the module with its `main`, and what it does
    "evaluate": ("evaluation.papers.command", "measures any profile as the papers do"),
    "compare": ("comparison.command", "trains every objective with one budget and tables what each reached"),
    "ablate": ("ablation.command", "tables what each setting and ingredient of the open world's adapters does alone"),
    "export": ("export.command", "merges a trained adapter into its base for other libraries"),
    "finetune": ("finetune.command", "makes a CLIP of your own safe with your own quadruplets"),
    "push": ("push", "uploads a trained adapter with its card to the hub"),
    "quadruplets": ("quadruplet_pipeline.command", "makes quadruplets from safe captions, as the paper made ViSU"),
    "selftest": ("selftest.command", "compares several processes with one on this machine"),
}


def find_command(name: str) -> Callable[..., int]:
    """The `main(argv, program=…)` of a command. Raises KeyError for an unknown name."""
    module, _ = COMMANDS[name]
    return importlib.import_module(f".{module}", __package__).main


def summary() -> str:
    """One line a command, for the help."""
    width = max(map(len, COMMANDS))
    return "\n".join(f"    safeclip-train {name:{width}}  {what}" for name, (_, what) in COMMANDS.items())
