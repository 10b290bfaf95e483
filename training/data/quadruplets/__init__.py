"""Quadruplets, which Safe-CLIP trains on: one schema, and the sources that follow it."""

from .schema import QuadrupletItem, QuadrupletSource

__all__ = ["QuadrupletItem", "QuadrupletSource"]
