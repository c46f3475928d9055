"""The statements that moves rest on: pure predicates over a row and a look."""

from turnout.domain.checks import JobState
from turnout.domain.glide import is_acked, is_there, ready_of
from turnout.domain.release import EXPOSED, OnTrouble, Phase, Release, Seen
from turnout.domain.route import WHOLE_BP


def is_judged(release: Release, seen: Seen) -> bool:
    """Tell whether evidence about the present step and weight can be read."""
    judged = seen.judged
    return (
        judged is not None and judged.step == release.step and judged.weight_bp == release.weight_bp
    )


# --- breakage: looked at in every phase, paused or not


def starts_over_and_over(release: Release, seen: Seen) -> bool:
    """Tell whether the candidate never gets ready before users are on it."""
    before = release.phase in {Phase.STARTING, Phase.VERIFYING, Phase.WARMING}
    return before and seen.candidate is not None and seen.candidate.loops


def crashed_while_exposed(release: Release, seen: Seen) -> bool:
    """Tell whether instances died under users."""
    if release.phase not in EXPOSED or seen.candidate is None:
        return False
    crashes = seen.candidate.crashes - release.arm.crashes_before
    return crashes >= release.plan.breakage.crashes


def fails_its_probes(release: Release, seen: Seen) -> bool:
    """Tell whether an exposed instance fails its readiness probes again and again."""
    if release.phase not in EXPOSED or seen.candidate is None:
        return False
    return seen.candidate.failed_probes >= release.plan.breakage.failed_probes


def breaks_plainly(release: Release, seen: Seen) -> bool:
    """Tell whether most of the candidate's requests fail and the stable version's do not."""
    exposed = release.phase in EXPOSED
    return exposed and seen.judged is not None and seen.judged.judgement.breakage


def breaks_a_limit(release: Release, seen: Seen) -> bool:
    """Tell whether a `max` or `min` was shown to be broken; a person may have overruled it."""
    return _limit_broken(release, seen, by_stable_too=False)


def both_break_a_limit(release: Release, seen: Seen) -> bool:
    """Tell whether the stable version breaks the same limit: then a person decides."""
    waits = release.paused is None and not release.override_by
    return waits and _limit_broken(release, seen, by_stable_too=True)


def _limit_broken(release: Release, seen: Seen, *, by_stable_too: bool) -> bool:
    if release.forced or release.phase not in EXPOSED or seen.judged is None:
        return False
    judgement = seen.judged.judgement
    return judgement.limit_broken is not None and judgement.stable_breaks_too is by_stable_too


def is_worse(release: Release, seen: Seen) -> bool:
    """Tell whether the candidate was shown to be worse and that leads back."""
    return _shown_worse(release, seen) and release.plan.on_worse is OnTrouble.ROLLBACK


def is_worse_and_waits(release: Release, seen: Seen) -> bool:
    """Tell whether the candidate was shown to be worse and a person decides."""
    waits = release.plan.on_worse is OnTrouble.PAUSE and release.paused is None
    return waits and not release.override_by and _shown_worse(release, seen)


def _shown_worse(release: Release, seen: Seen) -> bool:
    if release.forced or release.phase not in EXPOSED or seen.judged is None:
        return False
    return seen.judged.is_worse


# --- jobs


def job_refused(_: Release, seen: Seen) -> bool:
    """Tell whether the job's verdict is against the version."""
    return seen.job is not None and seen.job.state is JobState.REFUSED


def job_failed(_: Release, seen: Seen) -> bool:
    """Tell whether the job could not be done."""
    return seen.job is not None and seen.job.state is JobState.FAILED


def job_passed(_: Release, seen: Seen) -> bool:
    """Tell whether the job is done and content."""
    return seen.job is not None and seen.job.state is JobState.PASSED


def is_prepared(release: Release, seen: Seen) -> bool:
    """Tell whether the artifact is in the store, or there is none."""
    return release.plan.checks.artifact is None or job_passed(release, seen)


def is_verified(release: Release, seen: Seen) -> bool:
    """Tell whether the version passed its checks, has none, or was stable before."""
    return not needs_verification(release) or job_passed(release, seen)


def needs_verification(release: Release) -> bool:
    """Tell whether there is anything to verify; a fast return was verified before."""
    return bool(release.plan.checks.golden) and not release.fast_return


def is_warm(release: Release, seen: Seen) -> bool:
    """Tell whether the candidate is warm, or nothing warms it."""
    if seen.candidate is None:
        return False
    return release.plan.checks.warm is None or job_passed(release, seen)


def first_step_waits_for_a_person(release: Release, seen: Seen) -> bool:
    """Tell whether the warm candidate may not meet users before somebody agrees."""
    asks = release.plan.steps[0].approval and not release.approved_by
    return asks and is_warm(release, seen)


# --- instances and route


def candidate_is_ready(release: Release, seen: Seen) -> bool:
    """Tell whether as many instances are ready as the row wants."""
    return release.arm.n > 0 and ready_of(seen.candidate) >= release.arm.n


def carries_the_step(release: Release, seen: Seen) -> bool:
    """Tell whether the router serves the step's weight."""
    return is_there(release, seen, release.plan.steps[release.step].weight_bp)


def carries_everything(release: Release, seen: Seen) -> bool:
    """Tell whether all traffic is at a candidate that is whole."""
    whole = ready_of(seen.candidate) >= release.plan.replicas
    return whole and is_there(release, seen, WHOLE_BP)


def old_is_gone(release: Release, seen: Seen) -> bool:
    """Tell whether nothing of the old version runs any more."""
    if not is_acked(release, seen):
        return False
    if release.stable is None:
        return True
    return release.stable_n == 0 and seen.stable is not None and seen.stable.total == 0


def is_undone(release: Release, seen: Seen) -> bool:
    """Tell whether the candidate is gone and the stable version whole."""
    gone = seen.candidate is not None and seen.candidate.total == 0 and release.arm.n == 0
    whole = release.stable is None or (
        release.stable_n >= release.plan.replicas and ready_of(seen.stable) >= release.plan.replicas
    )
    return gone and whole and is_there(release, seen, 0)


def is_drained(release: Release, seen: Seen, set_name: str) -> bool:
    """Tell whether a set has no request in flight, or its drain time is over.

    `spent_s` of a leaving phase counts only between two looks that both saw the route (E-6).
    """
    if release.spent_s >= release.plan.drain_s:
        return True
    idle = seen.in_flight is not None and seen.in_flight.get(set_name, 0) == 0
    return idle and release.spent_s >= min(1.0, release.plan.drain_s)


# --- the step


def step_is_passed(release: Release, seen: Seen) -> bool:
    """Tell whether the step's hold is over and the evidence lets it go on."""
    if release.override_by:
        return True
    judged = seen.judged
    if judged is None or not is_judged(release, seen) or release.evidence_s < release.hold_s:
        return False
    if release.is_first:
        return True
    used = judged.judgement.requests_in_step > 0
    whole = release.weight_bp == WHOLE_BP  # nothing is left to compare with (D-1)
    return used and (whole or judged.judgement.gate)


def step_waits_for_a_person(release: Release, seen: Seen) -> bool:
    """Tell whether the next step asks for an approval that is not there."""
    if release.is_last_step or release.approved_by or not step_is_passed(release, seen):
        return False
    return release.plan.steps[release.step + 1].approval


def last_step_is_passed(release: Release, seen: Seen) -> bool:
    """Tell whether nothing is left but to promote."""
    return release.is_last_step and step_is_passed(release, seen)


def is_undecided_for_too_long(release: Release, _: Seen) -> bool:
    """Tell whether evidence could be read all the while and patience is over."""
    return release.evidence_s >= release.plan.patience_s


def gives_up_undecided(release: Release, seen: Seen) -> bool:
    """Tell whether an undecided step leads back."""
    back = release.plan.on_undecided is OnTrouble.ROLLBACK
    return back and is_undecided_for_too_long(release, seen)


def is_blind_for_too_long(release: Release, _: Seen) -> bool:
    """Tell whether no evidence could be read for too long, four holds at least."""
    blind_s = release.spent_s - release.evidence_s
    return blind_s >= max(4 * release.hold_s, release.plan.blind_s)


def is_approved(release: Release, _: Seen) -> bool:
    """Tell whether a person agreed to this digest."""
    return bool(release.approved_by)


def is_baked(release: Release, seen: Seen) -> bool:
    """Tell whether the new version has proved itself; a person's override lets time alone count."""
    if release.stable is None:
        return True
    counted_s = release.spent_s if release.override_by else release.evidence_s
    whole = ready_of(seen.candidate) >= release.plan.replicas
    return counted_s >= release.plan.bake_s and whole
