"""Refuses files that bear a pickle, by their bytes: plain, in archives, compressed, renamed."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Final, Protocol

from turnout.adapters.files.pickles import bears_pickle

# Names under which loaders unpickle, whatever the bytes are.
_SUFFIXES: Final = frozenset({".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"})

_HEAD_BYTES: Final = 1 << 20
_MEMBERS: Final = 10_000
_TAR_MAGIC_AT: Final = 257
_NPY_HEADER: Final = 128
_CHUNK_BYTES: Final = 1 << 20
_LAMBDA: Final = b'"Lambda"'

# Containers that unpickling libraries open and nothing here can look into.
_CLOSED: Final = {b"7z\xbc\xaf\x27\x1c": "7z", b"\x04\x22\x4d\x18": "lz4"}
_BROKEN: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)
_ZIP: Final = b"PK\x03\x04"


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Inflated:
    """Reads the beginning of a zlib stream."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        return zlib.decompressobj().decompress(self._file.read(_CHUNK_BYTES), size)


_COMPRESSED: Final[dict[bytes, Callable[[BinaryIO], _Readable]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x5d\x00\x00": lzma.LZMAFile,
    b"\x78\x01": _Inflated,
    b"\x78\x5e": _Inflated,
    b"\x78\x9c": _Inflated,
    b"\x78\xda": _Inflated,
}


def pickle_in(name: str, file: BinaryIO) -> str:
    """Say why a file counts as bearing a pickle; an empty text when it does not."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _SUFFIXES:
        return f"its name ends in `{suffix}`, which loaders unpickle"
    file.seek(0)
    head = file.read(512)
    if why := _container(head, file) or _array(head) or _keras(head, file):
        return why
    return "it is a pickle" if bears_pickle(file) else ""


def _container(head: bytes, file: BinaryIO) -> str:
    for magic, kind in _CLOSED.items():
        if head.startswith(magic):
            return f"it is a {kind} archive, which cannot be looked into"
    file.seek(0)
    if zipfile.is_zipfile(file):
        return _in_members(_zip_members(file), "zip")
    if head[_TAR_MAGIC_AT:].startswith(b"ustar"):
        return _in_members(_tar_members(file), "tar")
    for magic, unpack in _COMPRESSED.items():
        if head.startswith(magic):
            return _in_compressed(unpack, file)
    return ""


def _in_members(members: Iterator[tuple[str, bytes | None]], kind: str) -> str:
    try:
        for count, (name, head) in enumerate(members):
            if head is None or count >= _MEMBERS:
                return f"it is a {kind} archive that cannot be looked into"
            if why := _in_head(name, head) or _layers(name, head):
                return f"`{name}` in this {kind} archive: {why}"
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, ValueError):
        return f"it is a broken {kind} archive"
    return ""


def _zip_members(file: BinaryIO) -> Iterator[tuple[str, bytes | None]]:
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        yield from ((each.filename, _zip_head(archive, each)) for each in archive.infolist())


def _zip_head(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | None:
    try:
        with archive.open(member) as content:
            return content.read(_HEAD_BYTES)
    except (RuntimeError, NotImplementedError):  # encrypted, or a method unknown here
        return None


def _tar_members(file: BinaryIO) -> Iterator[tuple[str, bytes | None]]:
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            yield member.name, content.read(_HEAD_BYTES) if content else b""


def _in_compressed(unpack: Callable[[BinaryIO], _Readable], file: BinaryIO) -> str:
    file.seek(0)
    try:
        head = unpack(file).read(_HEAD_BYTES)
    except _BROKEN:
        return ""  # no loader gets further than this either
    why = _in_head("", head)
    return f"inside its compression: {why}" if why else ""


def _in_head(name: str, head: bytes) -> str:
    if _is_packed(head):
        # Looking deeper would have to unpack what an attacker has packed.
        return "an archive inside an archive, which is not looked into"
    return pickle_in(name, io.BytesIO(head))


def _is_packed(head: bytes) -> bool:
    if head.startswith((_ZIP, *_CLOSED)) or head[_TAR_MAGIC_AT:].startswith(b"ustar"):
        return True
    return any(
        head.startswith(magic) and _begins(unpack, head) for magic, unpack in _COMPRESSED.items()
    )


def _begins(unpack: Callable[[BinaryIO], _Readable], head: bytes) -> bool:
    try:
        return bool(unpack(io.BytesIO(head)).read(1))
    except _BROKEN:
        return False


def _layers(name: str, head: bytes) -> str:
    is_keras = PurePosixPath(name).name == "config.json" and _LAMBDA in head
    return "it has a Keras Lambda layer, which is code" if is_keras else ""


def _array(head: bytes) -> str:
    if not head.startswith(b"\x93NUMPY"):
        return ""
    described = head[:_NPY_HEADER].split(b"'descr':", 1)[-1].split(b",", 1)[0]
    return "it is a numpy array of objects" if b"O" in described else ""


def _keras(head: bytes, file: BinaryIO) -> str:
    if not head.startswith(b"\x89HDF\r\n\x1a\n"):
        return ""
    file.seek(0)
    before = b""
    while chunk := file.read(_CHUNK_BYTES):
        if _LAMBDA in before + chunk:
            return "it has a Keras Lambda layer, which is code"
        before = chunk[-len(_LAMBDA) :]
    return ""
