"""Serves a version whose artifact holds the flags of the stand-in for a model server."""

import argparse
import sys
from pathlib import Path

from turnout.testing.model_server import main as serve_model

FLAGS = "flags.txt"


def main() -> None:
    """Read the flags of the artifact and serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m turnout.testing.chaos.serve")
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--port", required=True)
    parser.add_argument("--version", required=True)
    asked = parser.parse_args()
    flags = (asked.artifact / FLAGS).read_text(encoding="utf-8").split()
    sys.argv = [sys.argv[0], "--port", asked.port, "--version", asked.version, *flags]
    serve_model()


if __name__ == "__main__":
    main()
