"""What /proc tells: who holds a lock, who carries a mark, who listens on a port."""

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

MARK = "TURNOUT_INSTANCE"
_PROC = "/proc"
_LISTEN = "0A"
# Fields of /proc/<pid>/stat after the name.
_STATE, _SESSION, _STARTED, _MEMORY, _ENVIRONMENT_END = 0, 3, 19, 20, 48
_BEGINS_WITHIN_S, _LOOKS_AT_A_BEGINNING = 0.05, 25


def mark_of(folder: Path, name: str) -> str:
    """Give the mark of a child: no two folders share one, whatever their children are called."""
    return f"{_of_folder(folder)}/{name}"


def census(folder: Path) -> list[int]:
    """List the living processes that carry a mark of a folder."""
    return sorted(marks(f"{_of_folder(folder)}/"))


def holders(lock: Path) -> list[int]:
    """List processes that hold a file open, this one aside; neither pid files nor reuse fool it."""
    try:
        wanted = lock.stat()
    except FileNotFoundError:
        return []
    mine = os.getpid()
    return [
        pid for pid in _pids() if pid != mine and _has_open(pid, (wanted.st_dev, wanted.st_ino))
    ]


def marked(mark: str, name: str = MARK) -> list[int]:
    """List processes whose environment says `TURNOUT_INSTANCE=<mark>` (or another variable)."""
    wanted = f"{name}={mark}".encode()
    return [pid for pid in _pids() if wanted in _environment(pid)]


def marks(prefix: str = "", name: str = MARK) -> dict[int, str]:
    """Map pids to their marks, those that begin with a prefix."""
    found = {}
    begin = f"{name}={prefix}".encode()
    for pid in _pids():
        for entry in _environment(pid):
            if entry.startswith(begin):
                found[pid] = entry.decode(errors="replace").partition("=")[2]
    return found


def members(mark: str, session: int | None = None) -> list[int]:
    """List what belongs to a child: living processes with its mark or in its session."""
    wanted = f"{MARK}={mark}".encode()
    mine = os.getpid()
    return [
        pid
        for pid in _pids()
        if pid != mine and (wanted in _environment(pid) or _lives_in(pid, session))
    ]


def session_of(pid: int) -> int | None:
    """Give the session of a process, None when it is gone."""
    fields = _stat(pid)
    return int(fields[_SESSION]) if fields else None


def in_session(session: int) -> list[int]:
    """List the living processes of a session."""
    return [pid for pid in _pids() if _lives_in(pid, session)]


def started_ticks_of(pid: int) -> int | None:
    """Give the moment a process began, in ticks since the host did; None when it is gone."""
    fields = _stat(pid)
    return int(fields[_STARTED]) if fields else None


def is_zombie(pid: int) -> bool:
    """Tell whether a process has ended: waits to be reaped, or is gone."""
    fields = _stat(pid)
    return not fields or fields[_STATE] == "Z"


def listener_of(port: int) -> list[int]:
    """List processes that listen on a TCP port of this host (v4 and v6), as far as they show."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listening(table, port)}
    if not inodes:
        return []
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return [pid for pid in _pids() if any(link in wanted for link in _links(pid))]


def _of_folder(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]


def _pids() -> Iterator[int]:
    with os.scandir(_PROC) as entries:
        for entry in entries:
            if entry.name.isdigit():
                yield int(entry.name)


def _read(pid: int, name: str) -> bytes | None:
    # None: it ended meanwhile, or is of another user and shows nothing.
    try:
        with open(f"{_PROC}/{pid}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - ten times as quick as a Path, for each process of the host
            return file.read()
    except OSError:
        return None


def _stat(pid: int) -> list[str]:
    return (_read(pid, "stat") or b"").decode(errors="replace").rpartition(")")[2].split()


def _environment(pid: int) -> list[bytes]:
    said, looks = _read(pid, "environ"), 0
    while said == b"" and looks < _LOOKS_AT_A_BEGINNING and _is_beginning(pid):
        threading.Event().wait(_BEGINS_WITHIN_S / _LOOKS_AT_A_BEGINNING)
        said, looks = _read(pid, "environ"), looks + 1
    return (said or b"").split(b"\0")


def _is_beginning(pid: int) -> bool:
    # In the middle of becoming another program a process has memory and no environment yet.
    fields = _stat(pid)
    return bool(fields) and fields[_ENVIRONMENT_END] == "0" != fields[_MEMORY]


def _lives_in(pid: int, session: int | None) -> bool:
    if session is None:
        return False
    fields = _stat(pid)
    return bool(fields) and int(fields[_SESSION]) == session and fields[_STATE] != "Z"


def _has_open(pid: int, wanted: tuple[int, int]) -> bool:
    try:
        with os.scandir(f"{_PROC}/{pid}/fd") as entries:
            return any(_identity(entry) == wanted for entry in entries)
    except OSError:
        return False


def _identity(entry: os.DirEntry[str]) -> tuple[int, int] | None:
    # A descriptor that is closed while the folder is read says nothing about the others.
    try:
        found = entry.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _links(pid: int) -> Iterator[str]:
    try:
        with os.scandir(f"{_PROC}/{pid}/fd") as entries:
            found = list(entries)
    except OSError:
        return
    for entry in found:
        with contextlib.suppress(OSError):
            yield str(Path(entry).readlink())


def _listening(table: str, port: int) -> Iterator[str]:
    said = _read(os.getpid(), f"net/{table}") or b""
    for line in said.decode().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
            yield fields[9]
