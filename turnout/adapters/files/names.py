"""Which names a file of an artifact may have, so that every file system agrees on them."""

import unicodedata
from collections.abc import Iterable
from typing import Final

from turnout.errors import ArtifactError

NAME_BYTES: Final = 255
FILES: Final = 100_000

# Control, format (bidirectional controls among them), surrogate, line and paragraph separators.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def check_names(names: Iterable[str]) -> None:
    """Refuse names that escape, hide, or fall together on another file system.

    Raises:
        ArtifactError: says which name and why.
    """
    seen: dict[str, str] = {}
    for name in names:
        if wrong := _wrong(name):
            raise ArtifactError(f"`{shown(name)}` may not be in an artifact: {wrong}; rename it")
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            pair = f"`{shown(seen[folded])}` and `{shown(name)}`"
            raise ArtifactError(f"{pair} differ in case or Unicode form alone; rename one")
        seen[folded] = name
        if len(seen) > FILES:
            raise ArtifactError(f"the artifact has more than {FILES:,} files; pack or split it")


def shown(name: str) -> str:
    """Write a name so that nothing in it acts on a terminal or page."""
    return "".join(
        c if unicodedata.category(c) not in _HIDDEN else f"\\u{ord(c):04x}" for c in name
    )


def _wrong(name: str) -> str:
    if any(unicodedata.category(character) in _HIDDEN for character in name):
        return "it has a control character or bytes that are not UTF-8"
    if "\\" in name:
        return "it has a backslash"
    parts = name.split("/")
    if not parts[0] or ":" in parts[0]:
        return "it is not relative"
    if any(part in {"", ".", ".."} for part in parts):
        return "it leads out of the artifact or nowhere"
    if any(len(part.encode()) > NAME_BYTES for part in parts):
        return f"a part of it is longer than {NAME_BYTES} bytes"
    return ""
