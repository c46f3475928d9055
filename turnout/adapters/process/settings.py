"""What the runtime is told once: its folder and its limits."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """Where instances live and how they are treated.

    Args:
        folder: The controller's folder; `instances/` and `logs/` are made below it.
        environment: Name of the environment, given as `$environment`.
        on_change: Called with the service when an instance becomes ready, fails, ends or is gone.
        artifact_tree: Gives the folder of an artifact, by service and digest; else it is
            `<folder>/versions/<service>/<first 12 of the digest>`.
        logs_every_s: How often logs are looked at.
        grace_s: How long an instance may take to end before it is killed.
        log_limit_bytes: Size at which an instance's log is copied away and cut.
        logs_kept: Old logs of a running instance, and logs of a service's ended instances, that
            are kept.
    """

    folder: Path
    environment: str
    on_change: Callable[[str], None] | None = None
    artifact_tree: Callable[[str, str], Path] | None = None
    grace_s: float = 10.0
    logs_every_s: float = 10.0
    log_limit_bytes: int = 64 * _MIB
    logs_kept: int = 3

    @property
    def instances(self) -> Path:
        """Give the folder of the instances."""
        return self.folder / "instances"

    @property
    def logs(self) -> Path:
        """Give the folder of the instances' logs."""
        return self.folder / "logs"

    def log_of(self, instance: str) -> Path:
        """Name the log of an instance."""
        return self.logs / f"{instance}.log"

    def artifact_of(self, service: str, digest: str | None) -> str:
        """Name the folder of an artifact; empty without one."""
        if digest is None:
            return ""
        if self.artifact_tree is not None:
            return str(self.artifact_tree(service, digest))
        short = digest.removeprefix("sha256:")[:12]
        return str((self.folder / "versions" / service / short).resolve())
