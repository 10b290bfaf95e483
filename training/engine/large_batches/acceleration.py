"""Ways to train a CLIP with less memory that leave every step as it is, chosen by flags of the command."""

from transformers import CLIPModel


def recompute_activations(model: CLIPModel) -> None:
    """Keeps the inputs of each layer alone, and computes the rest again on the way back; dropout draws the same."""
    model.activation_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": True})
