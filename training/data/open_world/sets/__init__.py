"""Texts written by hand that no model is trained on, and the baselines' data."""
