"""The end of a demonstration: what was counted, as a table and as one object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from turnout.domain import amounts
from turnout.entrypoints.demo.crowd import Count
from turnout.entrypoints.demo.screen import Value

STORY: Final = {"v1.1": "promoted", "v1.2": "refused", "v1.3": "rolled_back"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How one release of the story ended: the word of history, and the release's own outcome."""

    release: str
    version: str
    outcome: str
    because: str
    exposed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a demonstration came to."""

    count: Count
    kills: int
    releases: Sequence[Told]

    @property
    def is_as_told(self) -> bool:
        """Tell whether every version ended as the story says, and nothing was lost."""
        as_told = all(STORY[one.version] == one.outcome for one in self.releases)
        return as_told and not self.count.lost and not self.count.cut

    @property
    def line(self) -> Mapping[str, Value]:
        """Give the last object."""
        count = self.count
        releases = [
            {
                "version": one.version,
                "outcome": one.outcome,
                "because": one.because,
                "exposed": one.exposed,
                "release": one.release,
            }
            for one in self.releases
        ]
        return {
            "requests": count.sent,
            "lost": count.lost,
            "streams": count.streams,
            "cut": count.cut,
            "controller_kills": self.kills,
            "releases": releases,
            "versions": dict(count.versions),
            "reasons": dict(count.reasons),
            "late_ms": count.late_ms,
        }

    @property
    def rows(self) -> Sequence[tuple[str, str]]:
        """Give the rows of the closing table."""
        count = self.count
        return [
            (
                "requests sent",
                f"{amounts.count(count.sent)}, {amounts.count(count.streams)} of them streams",
            ),
            ("requests lost", f"{amounts.count(count.lost)}{_reasons(count)}"),
            ("streams cut", amounts.count(count.cut)),
            ("controller killed", "once" if self.kills == 1 else f"{self.kills} times"),
            *((one.version, _ending(one)) for one in self.releases),
        ]


def commands_for(folder: Path, releases: Sequence[Told]) -> Sequence[str]:
    """Name what works in a folder that is kept."""
    last = releases[-1].release if releases else "guard-1"
    return [f"cd {folder}", "turnout history guard", f"turnout explain {last}"]


def next_steps() -> Sequence[tuple[str, str]]:
    """Say what to try after a demonstration that leaves nothing."""
    return [
        ("", ""),
        ("turnout demo --keep", "leaves the folder, to look around"),
        ("turnout init", "writes a first file for your own service"),
        ("turnout --help", "lists every command"),
    ]


def _ending(one: Told) -> str:
    word = one.outcome.replace("_", " ")
    because = "" if one.because == one.outcome else f" ({one.because.replace('_', ' ')})"
    return f"{word}{because}; {amounts.count(one.exposed)} requests met it"


def _reasons(count: Count) -> str:
    told = ", ".join(f"{reason}: {amounts.count(n)}" for reason, n in count.reasons.items())
    return f" ({told})" if told else ""
