"""The values a release is made of. All frozen; a change is a new value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from turnout.domain.checks import Checks, JobResult
from turnout.domain.evidence import Judged
from turnout.domain.route import WHOLE_BP, Applied, RouteSettings
from turnout.domain.version import InstanceSet, Running, Version
from turnout.statistics.settings import JudgeSettings


class Phase(StrEnum):
    """A saved intention: what the controller is bringing about."""

    PREPARING = "preparing"
    STARTING = "starting"
    VERIFYING = "verifying"
    WARMING = "warming"
    SHIFTING = "shifting"
    WATCHING = "watching"
    WAITING = "waiting"
    PROMOTING = "promoting"
    BAKING = "baking"
    RETIRING = "retiring"
    PROMOTED = "promoted"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


FINAL = frozenset({Phase.PROMOTED, Phase.ROLLED_BACK})
OURS = frozenset({Phase.BAKING, Phase.RETIRING, Phase.PROMOTED})  # the candidate is the stable one
EXPOSED = frozenset({Phase.SHIFTING, Phase.WATCHING, Phase.WAITING, Phase.PROMOTING, Phase.BAKING})
LEAVING = frozenset({Phase.RETIRING, Phase.ROLLING_BACK})  # drains; no pause holds it up


class Outcome(StrEnum):
    """How a release ended, or is about to."""

    PROMOTED = "promoted"
    WORSE = "worse"
    LIMIT = "limit"
    BREAKAGE = "breakage"
    CRASHED = "crashed"
    NO_EVIDENCE = "no_evidence"
    UNDECIDED = "undecided"
    TIMED_OUT = "timed_out"
    NOT_APPROVED = "not_approved"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    FAILED = "failed"


class Strategy(StrEnum):
    """How traffic moves."""

    CANARY = "canary"
    BLUE_GREEN = "blue-green"


class OnTrouble(StrEnum):
    """What a bad or missing verdict leads to."""

    ROLLBACK = "rollback"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung: a weight and how long it is held; `approval` asks for a person before it."""

    weight_bp: int
    hold_s: float
    approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """Plain failures that need no statistics, while users are on the candidate."""

    crashes: int = 1
    failed_probes: int = 3
    errors_ratio: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a release will do; frozen when it is asked for.

    `replicas` carry all traffic; `room` bounds the instances of both versions together. The
    `…_within_s` are limits of phases; `blind_s` is how long a step may go without evidence.
    """

    steps: tuple[Step, ...]
    route: RouteSettings
    judge: JudgeSettings
    checks: Checks = field(default_factory=Checks)
    strategy: Strategy = Strategy.CANARY
    replicas: int = 1
    room: int = 2
    first: int = 1
    prepare_within_s: float = 3600.0
    start_within_s: float = 120.0
    verify_within_s: float = 7200.0
    warm_within_s: float = 300.0
    shift_within_s: float = 1800.0
    approve_within_s: float = 86_400.0
    blind_s: float = 86_400.0
    patience_s: float = 3600.0
    on_undecided: OnTrouble = OnTrouble.PAUSE
    on_worse: OnTrouble = OnTrouble.ROLLBACK
    breakage: Breakage = field(default_factory=Breakage)
    bake_s: float = 86_400.0
    drain_s: float = 600.0

    def able_bp(self, ready: int) -> int:
        """Say which weight so many instances carry; a third is 3,334 basis points."""
        return min(WHOLE_BP, -(-ready * WHOLE_BP // self.replicas))

    def need(self, weight_bp: int) -> int:
        """Say how many instances carry a weight: the fewest that are able to."""
        return (weight_bp - 1) * self.replicas // WHOLE_BP + 1 if weight_bp else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One candidate of a release: its instances, how many, its weight.

    `crashes_before` had been counted when users first met it.
    """

    set: InstanceSet
    n: int = 0
    weight_bp: int = 0
    crashes_before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Who stopped a release where it is, by which code, and why."""

    code: str
    by: str
    why: str = ""
    since_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One attempt to replace stable by candidate; the row holds the whole wanted state (E-1).

    `revision` grows with every change of weight, instance counts or route; `revised_at_s` is the
    wall clock of that save. `previous` was stable before `stable`. `sole`: the route names the
    candidate's own set alone (D-28).
    `spent_s` counts towards the phase's limit, `evidence_s` is time with evidence in this step.
    """

    id: str
    number: int
    service: str
    environment: str
    stable: InstanceSet | None
    arms: tuple[Arm, ...]
    plan: Plan
    asked_by: str
    previous: Version | None = None
    reason: str = ""
    phase: Phase = Phase.PREPARING
    step: int = 0
    stable_n: int = 0
    revision: int = 0
    revised_at_s: float = 0.0
    sole: bool = False
    spent_s: float = 0.0
    evidence_s: float = 0.0
    paused: Pause | None = None
    approved_by: str = ""
    override_by: str = ""
    override_why: str = ""
    forced: bool = False
    fast_return: bool = False
    after: Phase | None = None
    outcome: Outcome | None = None
    why: str = ""
    edition: int = 0
    created_at_s: float = 0.0
    entered_at_s: float = 0.0
    wall_s: float = 0.0

    @property
    def arm(self) -> Arm:
        """Give the candidate; releases of several arms are judged arm by arm."""
        return self.arms[0]

    @property
    def candidate(self) -> Version:
        """Give the version that is released."""
        return self.arm.set.version

    @property
    def weight_bp(self) -> int:
        """Give the candidate's wanted weight, in basis points."""
        return self.arm.weight_bp

    @property
    def is_first(self) -> bool:
        """Tell whether the service had no stable version: nothing can be compared."""
        return self.stable is None

    @property
    def is_last_step(self) -> bool:
        """Tell whether no higher weight follows."""
        return self.step + 1 >= len(self.plan.steps)

    @property
    def hold_s(self) -> float:
        """Give the least time at the present step."""
        return self.plan.steps[self.step].hold_s

    def with_arm(self, **changes: object) -> "Release":
        """Give the row with its candidate's arm changed."""
        return replace(self, arms=(replace(self.arm, **changes), *self.arms[1:]))  # type: ignore[arg-type]  # names of Arm's fields


class Verb(StrEnum):
    """What a person may tell a release under way."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    PROMOTE = "promote"
    FORCE = "force"
    APPROVE = "approve"
    FINISH_BAKE = "finish_bake"
    SUPERSEDE = "supersede"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A person's wish, bound to the digest it was given for."""

    id: int
    verb: Verb
    by: str
    digest: str = ""
    why: str = ""
    at_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look found. None always means unknown, never zero (E-4)."""

    candidate: Running | None = None
    stable: Running | None = None
    route: Applied | None = None
    in_flight: Mapping[str, int] | None = None
    job: JobResult | None = None
    judged: Judged | None = None
    commands: tuple[Command, ...] = ()


def stable_of(release: Release) -> InstanceSet | None:
    """Say which set is the service's stable one; a function of the row, never a second truth."""
    if release.phase in OURS:
        return release.arm.set
    return release.stable


def enter(release: Release, phase: Phase) -> Release:
    """Go to a phase with its timers at nothing and no pause."""
    return replace(release, phase=phase, spent_s=0.0, evidence_s=0.0, paused=None)
