"""Secrets by reference, resolved on the gateway's own host in the moment of use."""

import os
from pathlib import Path

from turnout.errors import RouteRefusedError

_LONGEST_BYTES = 4096


def value_of(reference: str) -> str:
    """Resolve `env:NAME` or `file:/path`; anything else is the value itself."""
    kind, colon, rest = reference.partition(":")
    match kind if colon else "":
        case "env":
            found = os.environ.get(rest, "")
        case "file":
            found = _content(Path(rest))
        case _:
            return reference
    if not found:
        raise RouteRefusedError(f"the secret {reference} is empty or missing on the gateway's host")
    return found


def _content(path: Path) -> str:
    try:
        return path.read_bytes()[:_LONGEST_BYTES].decode().strip()
    except (OSError, UnicodeDecodeError) as e:
        raise RouteRefusedError(f"the secret file:{path} cannot be read: {e}") from e
