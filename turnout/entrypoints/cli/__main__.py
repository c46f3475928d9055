"""Runs the command line as a module: `python -m turnout.entrypoints.cli`."""

from turnout.entrypoints.cli.main import run

run()
