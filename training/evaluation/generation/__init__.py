"""Evaluation of generation: what a profile's Stable Diffusion paints with the text encoder of every seat."""
