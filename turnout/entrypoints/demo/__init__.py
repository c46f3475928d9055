"""The demonstration: a good, a bad and a slow version of a real model, in real parts."""

from turnout.entrypoints.demo.abandoned import abandoned, end_abandoned
from turnout.entrypoints.demo.options import Options
from turnout.entrypoints.demo.play import play

__all__ = ["Options", "abandoned", "end_abandoned", "play"]
