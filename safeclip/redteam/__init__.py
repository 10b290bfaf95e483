"""Red team: texts perturbed as visitors and attackers would, and what every seat finds for each of them."""
