"""The daemon's folder: where everything lies, and how a file is replaced whole."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

_LONGEST_SOCKET_BYTES = 90
"""A socket's path may have 107 bytes; the names below need some of them."""
_LONGEST_NAME = len("/gateway.sock")


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths below the folder of one gateway.

    `run` is where sockets lie: the folder itself, or a link's target with a short path (D-27).
    """

    root: Path
    run: Path

    @property
    def lock(self) -> Path:
        """Held by the daemon for life."""
        return self.root / "lock"

    @property
    def envoy_lock(self) -> Path:
        """Held by Envoy for life."""
        return self.root / "envoy.lock"

    @property
    def state(self) -> Path:
        """One file for each service."""
        return self.root / "state"

    @property
    def logs(self) -> Path:
        """Segments of the access log."""
        return self.root / "log"

    @property
    def evidence(self) -> Path:
        """Records of what was counted."""
        return self.root / "evidence"

    def socket(self, name: str) -> Path:
        """Give the short path of `gateway.sock`, `ads.sock` or `admin.sock`."""
        return self.run / name


def opened(root: Path) -> Folder:
    """Make the folder, readable by its owner alone, and find a short path for its sockets."""
    root = root.absolute()
    for part in (root, root / "state", root / "log", root / "evidence"):
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Folder(root, _short(root))


def socket_of(root: Path) -> Path:
    """Give the path at which the gateway of a folder answers."""
    return _short(root.absolute()) / "gateway.sock"


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file so that a crash leaves the old one or the new one."""
    draft = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, with its rights
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _short(root: Path) -> Path:
    if len(os.fsencode(root)) + _LONGEST_NAME <= _LONGEST_SOCKET_BYTES:
        return root
    private = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    home = private / f"turnout-{os.getuid()}"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_foreign(home)
    link = home / digest
    if not link.is_symlink() or link.readlink() != root:
        draft = home / f"{digest}.{os.getpid()}"
        draft.symlink_to(root)
        draft.replace(link)
    return link


def _refuse_foreign(home: Path) -> None:
    found = home.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{home} belongs to somebody else or is open to others")
