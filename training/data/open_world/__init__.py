"""ViSU-Emoji, the open world: scenes of people, animals and things in which harm is not in one word.

Start with `world.open_world()` for the concepts, `items.OpenWorld` for numbered pairs and quadruplets of a split.
"""
