"""What a router is told about one service, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from turnout.domain.version import Endpoint

WHOLE_BP = 10_000


class Fence(NamedTuple):
    """Order of authority: a younger reign wins, then its later decision."""

    epoch: int
    revision: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.revision}"


class Repeatable(StrEnum):
    """Which requests may be sent again when an instance dies under them."""

    NONE = "none"
    GET = "get"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One version under a route. `set_name` keys clusters, in-flight counts and evidence."""

    set_name: str
    version: str
    weight_bp: int
    candidate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    """What the release file says about a service's route; the same over all its revisions.

    `hosts` empty means that the service alone answers on `listen` under any host name.
    `tester` is the header whose value (a secret reference or a literal) reaches the candidate at
    any weight. `timeout_s` is the longest silence before or within an answer.
    """

    listen: Endpoint
    hosts: tuple[str, ...] = ()
    tester: tuple[str, str] | None = None
    timeout_s: float = 600.0
    repeatable: Repeatable = Repeatable.GET


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Where the instances of a set answer now, and the path of their health check (None: TCP)."""

    endpoints: tuple[Endpoint, ...]
    health_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The whole route of one service at one revision, and what is observed of its endpoints.

    Weights of `targets` sum to 10,000, or there is no target: then the service answers 503.
    `fallback`: requests of a dead candidate are served by the stable version.
    `observed` maps set names and is no decision: it travels under `sequence`, which grows within
    an epoch; digests are taken without it (D-20).
    """

    service: str
    settings: RouteSettings
    targets: tuple[Target, ...]
    salt: str
    fallback: bool = True
    observed: Mapping[str, Observed] = field(default_factory=dict)
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What is in force at the router, told by the router itself.

    `acked` is true when every living gateway serves the revision of `fence`; `weights_bp` maps
    set names; `refused` is the proxy's own text when it did not take the revision.
    """

    fence: Fence
    weights_bp: Mapping[str, int]
    acked: bool
    acked_at_s: float | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """Facts about a router that `plan` shows and the engine plans with."""

    live: bool
    loss_free: bool
    tester: bool
    in_flight: bool
    evidence: bool
    switch_p99_ms: float
    min_step_s: float = 0.0
