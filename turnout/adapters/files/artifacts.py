"""The port Artifacts for local paths."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from turnout.adapters.files.content import digest_of
from turnout.adapters.files.source import read_members
from turnout.application.ports import Artifacts
from turnout.domain.checks import ArtifactRules
from turnout.errors import ArtifactError


@dataclass(frozen=True, slots=True)
class ArtifactSettings:
    """Where the controller keeps its files."""

    folder: Path


class FileArtifacts:
    """Looks at files and folders of this host."""

    async def look(self, rules: ArtifactRules) -> str:
        """Give the digest of what lies at the source; hashing does not hold up the event loop."""
        return await asyncio.to_thread(_look, rules)


def build_artifacts(settings: ArtifactSettings) -> Artifacts:  # noqa: ARG001 - every builder takes settings
    """Make the port."""
    return FileArtifacts()


def _look(rules: ArtifactRules) -> str:
    try:
        return digest_of(read_members(Path(rules.source), rules.max_size_bytes))
    except OSError as error:
        raise ArtifactError(f"the artifact `{rules.source}` cannot be read: {error}") from error
