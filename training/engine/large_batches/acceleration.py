"""Ways to train a CLIP with less memory or time that leave every step as it is, chosen by flags of the command."""

from collections.abc import Iterator
from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch import nn
from torch.func import functional_call

from safeclip.errors import ProfileError, first_line

from .distributed import World

BACKEND = "inductor"  # torch.compile's own default


def recompute_activations(model: Any) -> None:
    """Keeps the inputs of each layer alone, and computes the rest again on the way back; dropout draws the same."""
    model.activation_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": True})


def fold_adapter(model: nn.Module) -> None:
    """Lets each tuned layer take one product with W + BA instead of one with W and two with the adapter.

    Faster where a batch has more tokens than a layer has columns. Raises ProfileError for an adapter with dropout,
    which acts on what enters A alone.
    """
    for layer in model.modules():
        if isinstance(layer, LoraLayer):
            if any(isinstance(each, nn.Dropout) for each in layer.lora_dropout.values()):
                raise ProfileError(
                    "--fold is for an adapter without dropout: set dropout = 0.0 in [lora], or leave it out."
                )
            layer.forward = MethodType(_folded, layer)


def _folded(layer: Any, inputs: torch.Tensor) -> torch.Tensor:
    if layer.disable_adapters:
        return layer.base_layer(inputs)
    weight = layer.base_layer.weight + sum(layer.get_delta_weight(name) for name in layer.active_adapters)
    return functional_call(layer.base_layer, {"weight": weight}, inputs)


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


def _layers(model: Any) -> Iterator[nn.Module]:
    for tower in (model.text_model, model.vision_model):
        yield from tower.encoder.layers
