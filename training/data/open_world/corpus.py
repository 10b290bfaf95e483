"""Captions of the open world's training scenes, as texts to learn English from."""

from collections.abc import Iterator

from .items import OpenWorld


def world_captions(count: int, seed: int) -> Iterator[str]:
    """Every name that the open world has for its concepts and places, then captions of `count` training scenes.

    The captions have the training forms alone, and no misspellings: those are put in when a batch is made.
    """
    world = OpenWorld("train", "train", seed)
    for concept in world.catalogue.concepts:
        yield from concept.phrases if concept.place else concept.names
    for index in range(count):
        yield world.captioner.caption(world.pair(index).scene, f"language/{seed}/{index}", misspelt=0.0).text
