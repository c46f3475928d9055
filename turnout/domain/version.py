"""What a service runs: versions, how one is started, and the sets of instances that run it."""

from dataclasses import dataclass, field
from enum import StrEnum

_LOOPS_FROM = 2


class Restart(StrEnum):
    """When an instance that ended is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """When an instance counts as ready: `passes` probes in a row.

    `http` is a path; None means that the first of /health, /healthz and / that answers 200 is
    found at the service's first start, else a TCP connection suffices (D-10).
    `completion` is the body of a request to /v1/chat/completions that has to be answered.
    """

    http: str | None = None
    completion: str | None = None
    passes: int = 2
    every_s: float = 1.0
    timeout_s: float = 2.0
    within_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """How an instance is started; placeholders ($port, $artifact …) are not replaced yet.

    `folder` is absolute. `secrets` are references (`env:NAME`, `file:/path`), resolved in the
    moment of starting. `config` maps names to file digests.
    """

    command: tuple[str, ...]
    folder: str
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()
    config: tuple[tuple[str, str], ...] = ()
    ready: Ready = field(default_factory=Ready)
    restart: Restart = Restart.ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One immutable build of a service. `digest` covers artifact, run section and configuration."""

    name: str
    digest: str
    artifact_digest: str | None
    run: RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSet:
    """All instances that one release started of one version; its name is never used again."""

    service: str
    number: int
    version: Version
    twin: bool = False

    @property
    def name(self) -> str:
        """Give the name under which runtime, router and evidence know the set: `guard-r17`."""
        return f"{self.service}-r{self.number}{'-t' if self.twin else ''}"


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where an instance answers."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How the runtime finds one set of instances.

    `restarts_before_ready` counts starts beyond the first of an instance that was never ready;
    `crashes` counts ends of instances that had been ready; `failed_probes` is the longest present
    row of failed readiness probes of an instance that had been ready.
    """

    total: int = 0
    ready: int = 0
    endpoints: tuple[Endpoint, ...] = ()
    health_path: str | None = None
    restarts_before_ready: int = 0
    crashes: int = 0
    failed_probes: int = 0
    last_exit: str = ""
    last_lines: tuple[str, ...] = ()
    why_not_ready: str = ""

    @property
    def loops(self) -> bool:
        """Tell whether the set starts over and over without getting ready (third start)."""
        return self.restarts_before_ready >= _LOOPS_FROM
