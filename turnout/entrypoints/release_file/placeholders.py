"""The `$words` of a release file: which there are and how they are replaced."""

import re
from collections.abc import Mapping

PLACEHOLDERS = (
    "artifact",
    "branch",
    "commit",
    "digest",
    "environment",
    "port",
    "release",
    "service",
    "url",
    "version",
)
# `$$word` is a literal `$word`; `$WORD` belongs to the process's environment.
_WORD = re.compile(r"\$(\$?)([a-z_]+)")


def words_in(text: str) -> tuple[str, ...]:
    """List the placeholders of a text, known or not."""
    return tuple(match[2] for match in _WORD.finditer(text) if not match[1])


def replaced(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of the words that have one; `$$word` becomes `$word`."""

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return f"${match[2]}"
        return values.get(match[2], match[0])

    return _WORD.sub(value, text)
