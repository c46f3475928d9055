"""The log of a controller: JSON lines in a file that is renamed before it grows too large."""

import logging
from collections.abc import MutableMapping
from io import TextIOWrapper
from pathlib import Path

import structlog

_MIB = 1 << 20
_LIMIT_BYTES = 64 * _MIB
_KEPT = 3
_LONGEST_FIELD = 8192

_Event = MutableMapping[str, object]


class RotatedFile:
    """A file of lines that is renamed when it is full; a few old ones are kept."""

    def __init__(self, path: Path, limit_bytes: int = _LIMIT_BYTES, kept: int = _KEPT) -> None:
        self._path, self._limit_bytes, self._kept = path, limit_bytes, kept
        self._file = self._open()

    def write(self, text: str) -> int:
        """Write a whole line."""
        if self._file.tell() > self._limit_bytes:
            self._file.close()
            self._shift()
            self._file = self._open()
        return self._file.write(text)

    def flush(self) -> None:
        """Hand over what is written."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> TextIOWrapper:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._path.open("a", encoding="utf-8", buffering=1)
        self._path.chmod(0o600)
        return file

    def _shift(self) -> None:
        for number in range(self._kept, 0, -1):
            before = self._path.with_suffix(
                f"{self._path.suffix}.{number - 1}" if number > 1 else self._path.suffix
            )
            if before.exists():
                before.replace(self._path.with_suffix(f"{self._path.suffix}.{number}"))


def configure(path: Path) -> RotatedFile:
    """Send all log events of this process to a file; call it once, at the start."""
    file = RotatedFile(path)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.format_exc_info,
            _shortened,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=file),  # type: ignore[arg-type]  # it writes and flushes only
    )
    return file


def _shortened(_logger: object, _method: str, event: _Event) -> _Event:
    for name, value in event.items():
        if isinstance(value, str) and len(value) > _LONGEST_FIELD:
            event[name] = f"{value[:_LONGEST_FIELD]}…"
    return event
