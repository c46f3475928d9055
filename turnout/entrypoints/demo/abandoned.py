"""Folders of demonstrations that were killed: noted at the start, so that `down` finds them."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path


def note(root: Path) -> Path:
    """Note the folder of a demonstration and who plays it; the note goes at its end."""
    place = _notes()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    entry = place / str(os.getpid())
    entry.write_text(str(root), encoding="utf-8")
    return entry


def abandoned() -> Sequence[Path]:
    """List folders of demonstrations whose player is dead; their notes are taken away.

    Returns:
        Folders that still exist, each with a `turnout.yaml` of its own.
    """
    found = []
    for entry in sorted(_notes().glob("*")) if _notes().exists() else ():
        if entry.name.isdigit() and Path(f"/proc/{entry.name}").exists():
            continue
        root = Path(entry.read_text(encoding="utf-8"))
        if root.is_dir():
            found.append(root)
        entry.unlink(missing_ok=True)
    return found


def _notes() -> Path:
    return Path(tempfile.gettempdir()) / f"turnout-demos-{os.getuid()}"
