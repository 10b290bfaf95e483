"""Machines to check profiles against."""

from safeclip.runtime.machine import Gpu, Machine

H100 = Gpu("NVIDIA H100", 70.0, 80.0)
BIG = Machine(64.0, (H100,))
CPU = Machine(64.0)
