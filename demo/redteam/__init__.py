"""Red team: a text perturbed in many ways, and what every seat finds for each."""
