"""Which long work a release asks for in which phase, and under which key."""

from collections.abc import Callable, Mapping
from hashlib import sha256

from turnout.domain.checks import Job, JobKind
from turnout.domain.release import Phase, Release, Seen
from turnout.domain.rules import needs_verification


def job_of(release: Release, seen: Seen) -> Job | None:
    """Give the job of the release's phase; None when it asks for none, or cannot yet.

    A job at the candidate waits until an endpoint of the candidate is known.
    """
    kind = _KINDS.get(release.phase)
    if kind is None or not _ASKED_FOR[kind](release):
        return None
    candidate, stable = seen.candidate, seen.stable
    if kind is not JobKind.PREPARE and (candidate is None or not candidate.endpoints):
        return None
    return Job(
        kind=kind,
        key=job_key(release, kind),
        service=release.service,
        version=release.candidate.name,
        digest=release.candidate.digest,
        artifact_digest=release.candidate.artifact_digest,
        checks=release.plan.checks,
        candidate=candidate.endpoints if candidate else (),
        stable=stable.endpoints if stable else (),
        stable_digest=release.stable.version.digest if release.stable else None,
        health_path=candidate.health_path if candidate else None,
    )


def job_key(release: Release, kind: JobKind) -> str:
    """Give `kind/set/digest of the inputs`: equal keys share one result."""
    checks = release.plan.checks
    inputs = "\n".join([release.candidate.digest, *(golden.digest for golden in checks.golden)])
    return f"{kind}/{release.arm.set.name}/{sha256(inputs.encode()).hexdigest()[:12]}"


_KINDS: Mapping[Phase, JobKind] = {
    Phase.PREPARING: JobKind.PREPARE,
    Phase.VERIFYING: JobKind.VERIFY,
    Phase.WARMING: JobKind.WARM,
}
_ASKED_FOR: Mapping[JobKind, Callable[[Release], bool]] = {
    JobKind.PREPARE: lambda release: release.plan.checks.artifact is not None,
    JobKind.VERIFY: needs_verification,
    JobKind.WARM: lambda release: release.plan.checks.warm is not None,
}
