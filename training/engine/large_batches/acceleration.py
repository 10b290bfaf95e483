"""Ways to train a CLIP with less memory or time that leave every step as it is, chosen by flags of the command."""

from collections.abc import Iterator

import torch
from torch import nn

from safeclip.errors import ProfileError, first_line

from .distributed import World

BACKEND = "inductor"  # torch.compile's own default


def recompute_activations(model: nn.Module) -> None:
    """Keeps the inputs of each layer alone, and computes the rest again on the way back; dropout draws the same."""
    model.activation_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": True})


def shard_frozen_weights(model: nn.Module, world: World) -> None:
    """Divides the frozen weights of both towers' layers among the ranks, by FSDP2 (`fully_shard`).

    A layer's weights are gathered while it runs. The adapter's weights stay whole on every rank, so that gradients,
    checkpoints and resumption on another number of ranks are those of plain data parallelism. Raises ProfileError for
    one process.
    """
    from torch.distributed.fsdp import fully_shard

    if world.size == 1:
        raise ProfileError("--shard divides weights among processes, and there is one. Start it with torchrun.")
    trained = {parameter for parameter in model.parameters() if parameter.requires_grad}
    for layer in _layers(model):
        fully_shard(layer, ignored_params=trained & set(layer.parameters()))


def compile_layers(model: nn.Module, backend: str = BACKEND) -> None:
    """Compiles the layers of both towers with `torch.compile`, each by itself: layers alike share what was compiled.

    Raises ProfileError for a backend that is unknown or does not work.
    """
    known = torch.compiler.list_backends(exclude_tags=())
    if backend not in known:
        raise ProfileError(f"--compile {backend}: torch has no such backend; use one of: {', '.join(known)}.")
    try:
        torch.compile(torch.sin, backend=backend)(torch.ones(2, device=next(model.parameters()).device))
    except Exception as error:  # of compilers that are missing or broken: many kinds
        raise ProfileError(f"torch.compile does not work here ({first_line(error)}); leave out --compile.") from error
    for layer in _layers(model):
        layer.compile(backend=backend, dynamic=True)


def _layers(model: nn.Module) -> Iterator[nn.Module]:
    for tower in (model.text_model, model.vision_model):
        yield from tower.encoder.layers
