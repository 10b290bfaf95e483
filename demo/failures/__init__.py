"""Failures: where each seat still fails, row by row."""
