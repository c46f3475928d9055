"""What a person's commands do to a release; each is bound to the release and its digest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from turnout.domain.glide import shape
from turnout.domain.release import (
    LEAVING,
    OURS,
    Command,
    Outcome,
    Pause,
    Phase,
    Release,
    Verb,
    enter,
)

_PROMOTABLE = frozenset({Phase.SHIFTING, Phase.WATCHING, Phase.WAITING})
_OVERRULABLE = frozenset({Phase.PROMOTING, Phase.BAKING})


def obey(release: Release, commands: Sequence[Command]) -> tuple[Release, str, str]:
    """Carry out commands in the order given, up to the first that changes the phase.

    Returns:
        The row, the code of the last one that had an effect ("" for none), and who gave it.
    """
    code, by, phase = "", "", release.phase
    for command in commands:
        changed, changed_code = _obey_one(release, command)
        if changed_code:
            release, code, by = changed, changed_code, command.by
        if release.phase is not phase:
            break
    return release, code, by


def _obey_one(release: Release, command: Command) -> tuple[Release, str]:
    return _ORDERS[command.verb](release, command)


def _pause(release: Release, command: Command) -> tuple[Release, str]:
    if release.phase in LEAVING or release.paused:
        return release, ""
    pause = Pause(code="paused.person", by=command.by, why=command.why, since_s=command.at_s)
    return replace(release, paused=pause), "paused.person"


def _resume(release: Release, _: Command) -> tuple[Release, str]:
    if release.paused is None:
        return release, ""
    resumed = replace(release, paused=None)
    if release.phase is not Phase.WATCHING:
        return resumed, "resumed"
    # Patience begins anew, the hold that was kept stays kept, and no time turns blind.
    evidence_s = min(release.evidence_s, release.hold_s)
    spent_s = release.spent_s - (release.evidence_s - evidence_s)
    return replace(resumed, evidence_s=evidence_s, spent_s=spent_s), "resumed"


def _abort(release: Release, command: Command) -> tuple[Release, str]:
    return _go_back(release, command, Outcome.ABORTED)


def _supersede(release: Release, command: Command) -> tuple[Release, str]:
    if release.phase in OURS | {Phase.PROMOTING}:
        return release, ""
    return _go_back(release, command, Outcome.SUPERSEDED)


def _go_back(release: Release, command: Command, outcome: Outcome) -> tuple[Release, str]:
    if release.phase in LEAVING:
        return release, ""
    back = enter(release, Phase.ROLLING_BACK)
    return replace(back, outcome=outcome, why=command.why), str(outcome)


def _promote(release: Release, command: Command) -> tuple[Release, str]:
    if command.digest != release.candidate.digest:
        return release, ""
    if release.phase in _PROMOTABLE:
        release = enter(release, Phase.PROMOTING)
    elif release.phase not in _OVERRULABLE or not _is_stopped_by_the_judge(release):
        return release, ""
    promoted = replace(
        release,
        paused=None,
        override_by=command.by,
        override_why=command.why,
        forced=command.verb is Verb.FORCE,
    )
    return promoted, "overruled"


def _is_stopped_by_the_judge(release: Release) -> bool:
    return release.paused is not None and release.paused.code in {"paused.worse", "paused.limit"}


def _approve(release: Release, command: Command) -> tuple[Release, str]:
    over = release.phase in LEAVING | OURS
    if over or command.digest != release.candidate.digest or release.approved_by:
        return release, ""
    return replace(release, approved_by=command.by), "approval.given"


def _finish_bake(release: Release, _: Command) -> tuple[Release, str]:
    if release.phase is not Phase.BAKING:
        return release, ""
    return shape(enter(release, Phase.RETIRING), sole=True), "bake.ended"


_ORDERS: Mapping[Verb, Callable[[Release, Command], tuple[Release, str]]] = {
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.ABORT: _abort,
    Verb.SUPERSEDE: _supersede,
    Verb.PROMOTE: _promote,
    Verb.FORCE: _promote,
    Verb.APPROVE: _approve,
    Verb.FINISH_BAKE: _finish_bake,
}
