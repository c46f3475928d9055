"""The words that Turnout replaces in commands and environments: `$port`, `$artifact` and so on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_WORD = re.compile(r"(\$?)\$([a-z_]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an instance when it is started."""

    service: str
    environment: str
    version: str
    digest: str
    artifact: str
    release: str
    port: int

    @property
    def url(self) -> str:
        """Say where the instance itself answers."""
        return f"http://127.0.0.1:{self.port}"

    def words(self) -> Mapping[str, str]:
        """Map each placeholder to its value."""
        return {
            "service": self.service,
            "environment": self.environment,
            "version": self.version,
            "digest": self.digest,
            "artifact": self.artifact,
            "release": self.release,
            "port": str(self.port),
            "url": self.url,
        }


def replaced(text: str, words: Mapping[str, str]) -> str:
    """Put values in place of `$word`; `$$word` becomes `$word`, what is not known stays."""

    def value(found: re.Match[str]) -> str:
        if found[1]:
            return f"${found[2]}"
        return words.get(found[2], found[0])

    return _WORD.sub(value, text)
