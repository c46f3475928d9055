"""The demonstration: a good, a bad and a slow version of a real model, in real parts."""

from turnout.entrypoints.demo.abandoned import abandoned
from turnout.entrypoints.demo.play import Options, play

__all__ = ["Options", "abandoned", "play"]
