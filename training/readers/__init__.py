"""Frozen models that read the token states of a tuned CLIP: a LLaVA and a Stable Diffusion, which objectives ask."""
