"""What is shown of services and releases: the same fields in API, `--json` and tables."""

from datetime import UTC, datetime
from typing import TypedDict

FINAL = frozenset({"promoted", "rolled_back"})
KEPT = frozenset({"baking", "retiring", "promoted"})  # the candidate is the stable version


class VersionView(TypedDict):
    """A version."""

    version: str
    digest: str


class Sentences(TypedDict):
    """One sentence in both languages."""

    en: str
    zh: str


class WhyView(Sentences):
    """What a release waits for, or what happened to it last, by code and as sentences."""

    code: str


class StepView(TypedDict):
    """A step of the plan; weights are 0 to 1."""

    weight: float
    hold_s: float


class _ReleaseHead(TypedDict):
    id: str
    service: str
    environment: str
    version: str
    digest: str
    stable: str | None
    phase: str
    outcome: str | None
    step: int
    weight: float
    paused: str | None
    asked_by: str
    reason: str
    edition: int
    began: str
    since: str
    length_s: float


class ReleaseView(_ReleaseHead, total=False):
    """A release; `stable` is None for the first of a service, steps count from 1.

    What a look at the store without a controller does not tell may be missing.
    """

    steps: list[StepView]
    candidate_n: int
    stable_n: int
    fast_return: bool
    why: WhyView


class ServiceView(TypedDict):
    """A service; `release` is the one under way, `last` the newest of all."""

    service: str
    project: str
    environment: str
    stable: VersionView | None
    previous: str | None
    is_down: bool
    release: ReleaseView | None
    last: str | None


def instant(at_s: float) -> str:
    """Write epoch seconds as RFC 3339 in UTC, with microseconds."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_since(text: str, now_s: float) -> float:
    """Give the seconds that have passed since an instant."""
    return max(0.0, now_s - datetime.fromisoformat(text).timestamp())
