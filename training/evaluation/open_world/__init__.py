"""Evaluation of the open world: every split, neutral queries and baselines, each figure with its interval.

Start with `python -m training.evaluation.open_world --help`; `measures.measure` is what happens to one row.
"""
