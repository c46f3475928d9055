"""A service between and at the start of releases: its stable version, its next release."""

from dataclasses import dataclass, replace

from turnout.domain.release import OURS, Arm, Outcome, Phase, Plan, Release, stable_of
from turnout.domain.version import InstanceSet, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is known of a service over all its releases.

    `active` is the id of the release under way, `last` of the newest one of all. `revision` is
    the number of its wanted state. `is_down`: a person stopped it; nothing of it is enforced.
    """

    name: str
    project: str
    environment: str
    stable: InstanceSet | None = None
    previous: Version | None = None
    active: str | None = None
    last: str | None = None
    revision: int = 0
    next_number: int = 1
    is_down: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody's wish for a release: the version, the frozen plan, who and why.

    `key` makes a repeat harmless. `lifts_quarantine`: a person with the right says so.
    """

    key: str
    service: str
    project: str
    environment: str
    version: Version
    plan: Plan
    by: str
    reason: str = ""
    human: bool = True
    queue: bool = False
    replace: bool = False
    fast_return: bool = False
    lifts_quarantine: bool = False
    at_s: float = 0.0


def begin(service: Service, request: Request, now_s: float) -> Release:
    """Make the row of a new release from the service as it is."""
    number = service.next_number
    stable = service.stable
    plan = request.plan
    if stable is None:
        # Nothing to compare with and nobody to share with: the last step alone is left.
        plan = replace(plan, steps=plan.steps[-1:])
    candidate = InstanceSet(service=service.name, number=number, version=request.version)
    return Release(
        id=f"{service.name}-{number}",
        number=number,
        service=service.name,
        environment=service.environment,
        stable=stable,
        arms=(Arm(set=candidate),),
        plan=plan,
        asked_by=request.by,
        reason=request.reason,
        fast_return=request.fast_return,
        previous=service.previous,
        stable_n=plan.replicas if stable else 0,
        revision=service.revision + 1,
        revised_at_s=now_s,
        created_at_s=now_s,
        entered_at_s=now_s,
        wall_s=now_s,
    )


def quarantines(release: Release) -> bool:
    """Tell whether the end of a release bars its digest until a person lifts it (I-12)."""
    if release.phase is not Phase.ROLLED_BACK:
        return False
    return release.outcome in {
        Outcome.WORSE,
        Outcome.LIMIT,
        Outcome.BREAKAGE,
        Outcome.REFUSED,
    }


def after(service: Service, release: Release, *, is_final: bool) -> Service:
    """Give the service as it is once this row of its release is saved."""
    stable = stable_of(release)
    taken = release.phase in OURS and release.stable is not None
    previous = release.stable.version if taken and release.stable else release.previous
    return Service(
        name=service.name,
        project=service.project,
        environment=service.environment,
        stable=stable,
        previous=previous,
        active=None if is_final else release.id,
        last=release.id,
        revision=max(service.revision, release.revision),
        next_number=max(service.next_number, release.number + 1),
        is_down=service.is_down,
    )
