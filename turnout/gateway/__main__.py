"""Serves one folder from the command line: `python -m turnout.gateway --folder F`."""

import argparse
import asyncio
import sys
from pathlib import Path

import structlog

from turnout.gateway.daemon import EXIT_SERVED_ALREADY, ServedAlreadyError, serve
from turnout.gateway.evidence import ROTATE_BYTES


def main() -> int:
    """Serve until SIGTERM; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m turnout.gateway", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rotate-bytes", type=int, default=ROTATE_BYTES, help="of the log")
    asked = parser.parse_args()
    _log_to_stderr()
    try:
        asyncio.run(serve(asked.folder, rotate_bytes=asked.rotate_bytes))
    except ServedAlreadyError as e:
        sys.stderr.write(f"{e}\n")
        return EXIT_SERVED_ALREADY
    return 0


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    raise SystemExit(main())
