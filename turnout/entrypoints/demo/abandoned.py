"""Folders of demonstrations that were killed: noted at the start, so that `down` finds them."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from turnout.bootstrap_ending import end_controller, end_everything
from turnout.bootstrap_folder import NAME, Folder, held
from turnout.children import end_all, is_locked, mark_of, marked
from turnout.errors import TurnoutError

PREFIX = "turnout-demo-"
_GRACE_S = 5.0


class StillRunningError(TurnoutError):
    """Something of a demonstration cannot be ended."""

    code = "demo.still_running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A folder whose player is dead; `keep`: the folder itself was to stay."""

    root: Path
    note: Path
    keep: bool


def mark(root: Path) -> str:
    """Give the mark of users, commands and controller of a demonstration."""
    return mark_of(Folder(root / NAME).root, "demo")


@contextmanager
def noted(root: Path, *, keep: bool, notes: Path | None = None) -> Iterator[None]:
    """Hold a note of a folder as long as its player lives; no child inherits the lock.

    The note goes with the folder: while something of it still runs, `down` has to find it.
    """
    notes = notes or _notes()
    notes.mkdir(mode=0o700, parents=True, exist_ok=True)
    note = notes / root.name
    draft = note.with_name(f".{note.name}")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # It has its name when it is written and locked: never seen as that of a dead player.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, json.dumps({"folder": str(root), "keep": keep}).encode())
        draft.replace(note)
        yield
        if keep or not root.exists():
            note.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def abandoned(notes: Path | None = None) -> Sequence[Abandoned]:
    """List the folders of dead demonstrations of this user."""
    notes = notes or _notes()
    if not notes.is_dir() or not _is_ours(notes):
        return []
    found = []
    for note in sorted(notes.iterdir()):
        if note.name.startswith(".") or is_locked(note):
            continue
        told = _read(note)
        if told is None:
            note.unlink(missing_ok=True)
        else:
            found.append(told)
    return found


async def end_abandoned(dead: Abandoned) -> None:
    """End all that runs of a dead demonstration, and take its folder away.

    Raises:
        StillRunningError: even SIGKILL did not end something.
    """
    folder = Folder(dead.root / NAME)
    # Users first: a gateway that drains would wait for those who still come.
    left = await end_all(lambda: marked(mark(dead.root)), grace_s=_GRACE_S)
    if folder.root.is_dir():
        left += await end_controller(folder, 0.0)
        with held(folder):
            left += await end_everything(folder, 0.0)
    if left:
        raise StillRunningError(f"processes of the demo in {dead.root} that nothing ends: {left}")
    if not dead.keep:
        shutil.rmtree(dead.root, ignore_errors=True)
    dead.note.unlink(missing_ok=True)


def _read(note: Path) -> Abandoned | None:
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        root, keep = Path(told["folder"]), bool(told["keep"])
    except (ValueError, KeyError, TypeError):  # killed before it was written
        return None
    # What is removed by a note has to be ours, whoever wrote the note.
    if not root.name.startswith(PREFIX) or not root.is_dir() or not _is_ours(root):
        return None
    return Abandoned(root=root, note=note, keep=keep)


def _is_ours(place: Path) -> bool:
    found = place.lstat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def _notes() -> Path:
    return Path(tempfile.gettempdir()) / f"turnout-demos-{os.getuid()}"
