"""What an artifact's digest is: one number for its files' names, bytes and sizes."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

SINGLE: Final = "."
_PREFIX: Final = "sha256:"
_SHORT: Final = 12


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an artifact; the name is relative, `.` for an artifact that is a single file."""

    name: str
    sha256: str
    size_bytes: int


def digest_of(members: Iterable[Member]) -> str:
    r"""Give the digest of an artifact, `sha256:` and 64 hexadecimal digits.

    A single file has its own sha256. A folder has the sha256 of the text
    `turnout-artifact-v1\n` followed by one line `<sha256> <size> <name>\n` for each file,
    sorted by the bytes of the names.
    """
    files = sorted(members, key=lambda member: member.name.encode())
    if len(files) == 1 and files[0].name == SINGLE:
        return _PREFIX + files[0].sha256
    hasher = sha256(b"turnout-artifact-v1\n")
    for file in files:
        hasher.update(f"{file.sha256} {file.size_bytes} {file.name}\n".encode())
    return _PREFIX + hasher.hexdigest()


def digest12(digest: str) -> str:
    """Give the 12 digits that name an artifact's tree below `versions/<service>/`."""
    return digest.removeprefix(_PREFIX)[:_SHORT]
