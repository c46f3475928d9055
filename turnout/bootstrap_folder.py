"""The controller's folder: where everything of it lies, and a short path for its socket."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from turnout.errors import RefusedError

NAME = ".turnout"
_SOCKET = "controller.sock"
_LONGEST_SOCKET_BYTES = 90  # a socket's path may have 107


class ServedAlreadyError(RefusedError):
    """Another controller holds the folder."""

    code = "controller.running"


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths below the folder of one controller."""

    root: Path

    @property
    def database(self) -> Path:
        """Name the file of the store."""
        return self.root / "turnout.db"

    @property
    def lock(self) -> Path:
        """Name the file that a living controller holds locked."""
        return self.root / "controller.lock"

    @property
    def run(self) -> Path:
        """Name the folder of socket and `controller.json`."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """Name the folder of the logs."""
        return self.root / "logs"

    @property
    def log(self) -> Path:
        """Name the controller's own log."""
        return self.logs / "controller.jsonl"

    @property
    def gateway(self) -> Path:
        """Name the folder of the gateway daemon."""
        return self.root / "gateway"

    @property
    def instances(self) -> Path:
        """Name the folder of the instances."""
        return self.root / "instances"

    @property
    def jobs(self) -> Path:
        """Name the folder of the jobs."""
        return self.root / "jobs"

    @property
    def socket(self) -> Path:
        """Give a path of the controller's socket that is short enough, without making any."""
        if _is_short(self.run):
            return self.run / _SOCKET
        return _link_of(self.run) / _SOCKET

    def make(self) -> None:
        """Make the folder, readable by its owner alone, and what has to be there at the start."""
        for part in (self.root, self.run, self.logs):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        if not _is_short(self.run):
            _make_link(self.run)


def folder_beside(file: Path) -> Folder:
    """Give the folder that belongs to a release file."""
    return Folder(file.absolute().parent / NAME)


@contextmanager
def held(folder: Folder) -> Iterator[None]:
    """Hold the folder as its controller does; no child inherits the lock.

    Raises:
        ServedAlreadyError: another controller holds it.
    """
    descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ServedAlreadyError(
            f"a controller runs already for {folder.root}; `turnout serve --stop` ends it"
        ) from error
    finally:
        os.close(descriptor)


def _is_short(run: Path) -> bool:
    return len(os.fsencode(run.absolute() / _SOCKET)) <= _LONGEST_SOCKET_BYTES


def _home() -> Path:
    private = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(private) / f"turnout-{os.getuid()}"


def _link_of(run: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(run.absolute())).hexdigest()[:16]
    return _home() / digest


def _make_link(run: Path) -> None:
    link, target = _link_of(run), run.absolute()
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = link.parent.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{link.parent} belongs to somebody else or is open to others")
    if not link.is_symlink() or link.readlink() != target:
        draft = link.with_name(f"{link.name}.{os.getpid()}")
        draft.symlink_to(target)
        draft.replace(link)
