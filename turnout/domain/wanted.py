"""What a saved row wants of the world: instances and route, from its numbers alone (E-1)."""

from collections.abc import Mapping

from turnout.domain.release import Phase, Release
from turnout.domain.route import WHOLE_BP, Observed, Route, Target
from turnout.domain.version import InstanceSet


def instances_of(release: Release) -> Mapping[InstanceSet, int]:
    """Name the complete set of the service's instances; what is not named goes."""
    wanted = {arm.set: arm.n for arm in release.arms}
    if release.stable is not None:
        wanted[release.stable] = release.stable_n
    return wanted


def kept_while(release: Release) -> Mapping[InstanceSet, int]:
    """Say which sets have to be ready before anything shrinks, checked at the act (E-7)."""
    if release.phase is Phase.RETIRING:
        return {release.arm.set: release.plan.replicas}
    return {}


def route_of(release: Release, observed: Mapping[str, Observed], sequence: int) -> Route:
    """Build the whole route of the row; what is observed of endpoints rides along."""
    targets = _targets(release)
    names = {target.set_name for target in targets}
    return Route(
        service=release.service,
        settings=release.plan.route,
        targets=targets,
        salt=f"r{release.number}",
        fallback=not release.sole and release.stable is not None,
        observed={name: seen for name, seen in observed.items() if name in names},
        sequence=sequence,
    )


def _targets(release: Release) -> tuple[Target, ...]:
    arm = release.arm
    candidate = Target(
        set_name=arm.set.name,
        version=arm.set.version.name,
        weight_bp=arm.weight_bp,
        candidate=not release.sole and release.stable is not None,
    )
    if release.stable is None or release.sole:
        return (candidate,) if arm.weight_bp else ()
    stable = Target(
        set_name=release.stable.name,
        version=release.stable.version.name,
        weight_bp=WHOLE_BP - arm.weight_bp,
    )
    return (candidate, stable) if arm.n or arm.weight_bp else (stable,)
