"""What a plan rests on: the version as it would be, what serves now, what the traffic tells."""

from dataclasses import dataclass

from turnout.bootstrap_folder import Folder
from turnout.domain.checks import ArtifactRules
from turnout.domain.release import Plan, Step
from turnout.domain.route import WHOLE_BP
from turnout.domain.version import Version
from turnout.entrypoints.cli.offline import reading
from turnout.entrypoints.views import KEPT
from turnout.errors import TurnoutError
from turnout.statistics.past import Past
from turnout.statistics.plan import Need, past_of, requests_needed

PAST_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """How a service stands: its stable version and set, its release under way."""

    stable: str | None = None
    digest: str | None = None
    stable_set: str | None = None
    active: str | None = None
    active_phase: str = ""
    previous: str | None = None
    health_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A release before it happens; `needs` are those of each step, `rate_rps` the traffic now."""

    service: str
    environment: str
    version: Version
    plan: Plan
    now: Now
    needs: tuple[tuple[Need, ...], ...]
    rate_rps: float | None
    warnings: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Tell whether the version is the stable one already."""
        return self.version.digest == self.now.digest

    def seconds_of(self, step: int) -> float | None:
        """Give how long a step takes at the present traffic: its hold at least."""
        rung = self.plan.steps[step]
        if rung.weight_bp == WHOLE_BP or self.now.stable is None:
            return rung.hold_s
        if not self.rate_rps or not self.needs[step]:
            return None
        rate_rps = self.rate_rps * rung.weight_bp / WHOLE_BP
        lengths_s = [need.seconds(candidate_rps=rate_rps) for need in self.needs[step]]
        known_s = [length_s for length_s in lengths_s if length_s is not None]
        return max([rung.hold_s, *known_s])


def now_of(folder: Folder, service: str) -> Now:
    """Look how a service stands; nothing where nothing was ever released."""
    if not folder.database.exists():
        return Now()
    with reading(folder) as store:
        row = next(iter(store.status(service)), None)
        past = store.history(service)
    if row is None:
        return Now()
    kept = next((one for one in past if one["phase"] in KEPT), None)
    path = folder.instances / f"{service}.health"
    return Now(
        stable=_text(row["stable"]),
        digest=_text(row["stable_digest"]),
        stable_set=f"{service}-r{kept['number']}" if kept else None,
        active=_text(row["release"]),
        active_phase=_text(row["phase"]) or "",
        previous=_text(row["previous"]),
        health_path=path.read_text(encoding="utf-8").strip() if path.exists() else None,
    )


async def artifact_digest(folder: Folder, rules: ArtifactRules | None) -> str | None:
    """Give the digest of the artifact as it lies there now."""
    from turnout.adapters.files import ArtifactSettings, build_artifacts

    if rules is None:
        return None
    return await build_artifacts(ArtifactSettings(folder.root)).look(rules)


async def needs_of(
    folder: Folder, service: str, plan: Plan, now: Now
) -> tuple[tuple[tuple[Need, ...], ...], float | None]:
    """Forecast each step from the requests of the last minutes; empty where there are none."""
    from turnout.bootstrap import Settings, build_observer_of

    nothing: tuple[tuple[Need, ...], ...] = tuple(() for _ in plan.steps)
    if now.stable_set is None or not folder.gateway.is_dir():
        return nothing, None
    try:
        batches = await build_observer_of(Settings(folder=folder)).past(service, PAST_S)
    except TurnoutError:
        return nothing, None
    increments = [one for batch in batches for one in batch.increments]
    past = past_of(increments, now.stable_set)
    rate_rps = past.requests / _span_s([one.second for one in increments])
    if not past.is_enough:
        return nothing, rate_rps
    return tuple(_needs_of(plan, step, past) for step in plan.steps), rate_rps


def _span_s(seconds: list[int]) -> float:
    return max(seconds) - min(seconds) + 1.0 if seconds else PAST_S


def _needs_of(plan: Plan, step: Step, past: Past) -> tuple[Need, ...]:
    if step.weight_bp == WHOLE_BP:
        return ()  # nothing is left to compare with (D-1)
    return requests_needed(plan.judge, past, step.weight_bp / WHOLE_BP)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
