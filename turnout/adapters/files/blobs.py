"""The content store: files named by the sha256 that was computed while they were written."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import BinaryIO, Final

_CHUNK_BYTES: Final = 1 << 20
_READ_ONLY: Final = 0o444
_DRAFT: Final = "blob-"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes in the store; `is_new` when they were not there before."""

    sha256: str
    size_bytes: int
    is_new: bool


class BlobStore:
    """Keeps blobs at `<folder>/blobs/sha256/<2>/<62>`, read-only, whole or not there."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs" / "sha256"
        self._drafts = folder / "tmp"

    def path(self, digest: str) -> Path:
        """Give where the blob of a sha256 lies, or would."""
        return self._blobs / digest[:2] / digest[2:]

    def take(self, file: BinaryIO) -> Blob:
        """Copy a file into the store.

        What is hashed are the bytes that are written. A blob that is there is read again, and
        replaced when it is damaged.
        """
        self._drafts.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=_DRAFT, dir=self._drafts)
        try:
            with os.fdopen(number, "wb") as draft:
                digest, size = _copy(file, draft)
                os.fchmod(draft.fileno(), _READ_ONLY)
                os.fsync(draft.fileno())
            is_new = self._keep(Path(name), digest)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
        return Blob(digest, size, is_new)

    def sweep(self, before_s: float) -> None:
        """Take away drafts last written before this instant, which killed processes left."""
        for draft in self._drafts.glob(f"{_DRAFT}*"):
            with contextlib.suppress(FileNotFoundError):
                if draft.stat().st_mtime < before_s:
                    draft.unlink()

    def drop(self, digest: str) -> None:
        """Take a blob away; trees that link to it keep their bytes."""
        self.path(digest).unlink(missing_ok=True)

    def is_whole(self, digest: str) -> bool:
        """Tell whether the blob is there with the bytes that its name promises."""
        return has_digest(self.path(digest), digest)

    def _keep(self, draft: Path, digest: str) -> bool:
        if self.is_whole(digest):
            return False
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(target)
        sync_folder(target.parent)
        return True


def has_digest(path: Path, digest: str) -> bool:
    """Tell whether a file is there and has this sha256."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == digest
    except FileNotFoundError:
        return False


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last through a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    hasher, size = sha256(), 0
    for chunk in _chunks(source):
        hasher.update(chunk)
        target.write(chunk)
        size += len(chunk)
    target.flush()
    return hasher.hexdigest(), size


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk
