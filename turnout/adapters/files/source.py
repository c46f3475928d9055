"""Reads an artifact where it lies: a file or a folder, nothing in it followed out of it."""

import os
import stat
from collections.abc import Iterator
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path
from typing import Final

from turnout.adapters.files.content import SINGLE, Member
from turnout.adapters.files.names import check_names, shown
from turnout.errors import ArtifactError

SIGNATURE: Final = "model.sig"
SIGNATURE_BYTES: Final = 64 << 20
_SIGNATURE: Final = Path(SIGNATURE)


class ArtifactTooLargeError(ArtifactError):
    """The artifact has more bytes than the release file allows."""

    code = "artifact.size"


def signature_of(source: Path) -> Path | None:
    """Find the signature of an artifact: `model.sig` in the folder, else `<source>.sig` beside it.

    Neither is content: digests and served trees leave it out.
    """
    found = (source / SIGNATURE, source.with_name(f"{source.name}.sig"))
    return next((path for path in found if path.is_file()), None)


def opened(source: Path) -> Iterator[tuple[str, BufferedReader]]:
    """Open each file of an artifact, one after the other, with its name.

    No link is followed: a file is opened under the descriptor of the folder that was listed, so a
    name that is exchanged meanwhile is refused too. A single file has the name `.`.

    Raises:
        ArtifactError: there is nothing, or something that is neither file nor folder.
    """
    root = source.resolve()
    if root.is_file():
        with _open(root.name, root.parent, None) as file:
            yield SINGLE, file
        return
    if not root.is_dir():
        raise ArtifactError(f"there is no artifact at `{source}`: no such file or folder")
    check_names(_names(root))
    for name, descriptor in _walk(root):
        with _open(name.name, name, descriptor) as file:
            yield name.as_posix(), file


def read_members(source: Path, max_size_bytes: int | None) -> list[Member]:
    """Hash each file of an artifact, `max_size_bytes` in all at most."""
    members, total = [], 0
    for name, file in opened(source):
        size = os.fstat(file.fileno()).st_size
        total += size
        check_size(source, total, max_size_bytes)
        members.append(Member(name, file_digest(file, "sha256").hexdigest(), size))
    if not members:
        raise ArtifactError(f"the artifact `{source}` is an empty folder")
    return members


def check_size(source: Path, size_bytes: int, max_size_bytes: int | None) -> None:
    """Refuse an artifact that is larger than allowed."""
    if max_size_bytes is not None and size_bytes > max_size_bytes:
        raise ArtifactTooLargeError(
            f"the artifact `{source}` is larger than `max_size` allows ({max_size_bytes:,} bytes)"
        )


def _walk(root: Path) -> Iterator[tuple[Path, int]]:
    for folder, _, files, descriptor in os.fwalk(root, follow_symlinks=False):
        inside = Path(folder).relative_to(root)
        yield from ((inside / name, descriptor) for name in files if inside / name != _SIGNATURE)


def _names(root: Path) -> Iterator[str]:
    for folder, folders, files, descriptor in os.fwalk(root, follow_symlinks=False):
        inside = Path(folder).relative_to(root)
        for name in [*folders, *files]:
            kind = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            _check_kind(inside / name, kind)
        yield from ((inside / name).as_posix() for name in files)


def _check_kind(name: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        text = "is a link; put the file itself there"
    elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        text = "is neither a file nor a folder"
    else:
        return
    raise ArtifactError(f"`{shown(name.as_posix())}` {text}")


def _open(file_name: str, name: Path, descriptor: int | None) -> BufferedReader:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    path = file_name if descriptor is not None else name / file_name
    number = os.open(path, flags, dir_fd=descriptor)
    try:
        _check_kind(name, os.fstat(number).st_mode)
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise
