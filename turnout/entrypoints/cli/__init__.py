"""The command line."""

from turnout.entrypoints.cli.main import run

__all__ = ["run"]
