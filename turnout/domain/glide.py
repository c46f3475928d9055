"""How weight and instances move: one safe change at a time, in one direction (E-2)."""

from dataclasses import replace

from turnout.domain.release import Release, Seen
from turnout.domain.route import WHOLE_BP
from turnout.domain.version import Running


def shape(release: Release, *, candidate_n: int | None = None, **changes: object) -> Release:
    """Change the wanted numbers; every change is a new revision."""
    weight_bp = changes.pop("weight_bp", None)
    arm: dict[str, object] = {}
    if candidate_n is not None:
        arm["n"] = candidate_n
    if weight_bp is not None:
        arm["weight_bp"] = weight_bp
    changed = release.with_arm(**arm) if arm else release
    return replace(changed, revision=release.revision + 1, **changes)  # type: ignore[arg-type]  # names of Release's fields


def is_acked(release: Release, seen: Seen) -> bool:
    """Tell whether the router serves this revision, by its own word."""
    route = seen.route
    return route is not None and route.acked and route.fence.revision == release.revision


def ready_of(running: Running | None) -> int:
    """Count ready instances; none where nothing is known."""
    return running.ready if running else 0


def glide(release: Release, seen: Seen, target_bp: int) -> Release:
    """Make the next safe change towards a weight; the same row to wait, or when there."""
    if is_there(release, seen, target_bp):
        return release
    if release.stable is None:
        return _alone(release, seen, target_bp)
    if target_bp > release.weight_bp or (target_bp == release.weight_bp and target_bp > 0):
        return _raise(release, seen, target_bp)
    return _lower(release, seen, target_bp)


def is_there(release: Release, seen: Seen, target_bp: int) -> bool:
    """Tell whether the weight is in force."""
    return release.weight_bp == target_bp and is_acked(release, seen)


def _raise(release: Release, seen: Seen, target_bp: int) -> Release:
    plan, arm = release.plan, release.arm
    room = min(plan.need(target_bp), plan.room - release.stable_n)
    if arm.n < room:
        return shape(release, candidate_n=room)
    reach_bp = min(target_bp, plan.able_bp(ready_of(seen.candidate)))
    if reach_bp > release.weight_bp:
        return shape(release, weight_bp=reach_bp)
    spare = plan.need(WHOLE_BP - release.weight_bp)
    short = arm.n < plan.need(target_bp) and release.stable_n > spare
    if short and is_acked(release, seen) and reach_bp >= release.weight_bp:
        return shape(release, stable_n=spare)
    return release


def _lower(release: Release, seen: Seen, target_bp: int) -> Release:
    plan, arm = release.plan, release.arm
    room = min(plan.replicas, plan.room - arm.n)
    if release.stable_n < room:
        return shape(release, stable_n=room)
    stable_bp, goal_bp = WHOLE_BP - release.weight_bp, WHOLE_BP - target_bp
    reach_bp = min(goal_bp, plan.able_bp(ready_of(seen.stable)))
    if reach_bp > stable_bp:
        return shape(release, weight_bp=WHOLE_BP - reach_bp)
    spare = plan.need(release.weight_bp)
    short = release.stable_n < plan.replicas and arm.n > spare
    if short and is_acked(release, seen) and reach_bp >= stable_bp:
        return shape(release, candidate_n=spare)
    return release


def _alone(release: Release, seen: Seen, target_bp: int) -> Release:
    # Without a stable version there is nothing to share with: all traffic or no route at all.
    wanted = release.plan.replicas
    if target_bp and release.arm.n < wanted:
        return shape(release, candidate_n=wanted)
    if target_bp == release.weight_bp or (target_bp and ready_of(seen.candidate) < wanted):
        return release
    return shape(release, weight_bp=target_bp)
