"""Logs of instances: their last lines, and room for the next ones."""

import os
import re
import shutil
from pathlib import Path

_LINES = 50
_LINE_LIMIT = 300
_TAIL_BYTES = 64 * 1024


def last_lines(log: Path, since_bytes: int = 0) -> tuple[str, ...]:
    """Give the last 50 lines that were written after a position."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = since_bytes if since_bytes <= size else 0  # cut meanwhile
            file.seek(max(begin, size - _TAIL_BYTES))
            text = file.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(line[:_LINE_LIMIT] for line in text.splitlines()[-_LINES:])


def size_of(log: Path) -> int:
    """Tell the size of a log, 0 without one."""
    try:
        return log.stat().st_size
    except OSError:
        return 0


def rotate(log: Path, *, limit_bytes: int, kept: int) -> bool:
    """Copy a log away and cut it once it is too long; tell whether that was so.

    The process keeps its descriptor; a line that it writes in between may be lost.
    """
    if size_of(log) < limit_bytes:
        return False
    for number in range(kept - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    if kept:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
    return True


def forget_old(folder: Path, service: str, *, running: frozenset[str], kept: int) -> None:
    """Remove logs of a service's instances that have ended, but for the newest."""
    of_service = re.compile(rf"({re.escape(service)}-r\d+(?:-t)?(?:-\d+)?)\.log(?:\.\d+)?")
    ended: dict[str, list[Path]] = {}
    for log in folder.iterdir() if folder.is_dir() else ():
        found = of_service.fullmatch(log.name)
        if found and found[1] not in running:
            ended.setdefault(found[1], []).append(log)
    by_age = sorted(ended.values(), key=lambda logs: max(log.stat().st_mtime for log in logs))
    for logs in by_age[: max(0, len(by_age) - kept)]:
        for log in logs:
            log.unlink(missing_ok=True)
