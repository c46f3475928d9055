"""Histories: random ones from a seed, and directed ones with a fault at every single call."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from turnout.application.ports import Asked
from turnout.domain.checks import Checks
from turnout.domain.release import FINAL, OnTrouble, Outcome, Phase, Plan, Step, Verb
from turnout.domain.service import Request, Service
from turnout.errors import TurnoutError
from turnout.testing.fake_store import MemoryStore
from turnout.testing.sim import events
from turnout.testing.sim.faults import Fault, Faults, Kind, Scripted, Seeded
from turnout.testing.sim.hosts import Calls, Hosts, Lead, run_now
from turnout.testing.sim.scheduler import Host, Scheduler, ViolationError
from turnout.testing.sim.truth import Truth
from turnout.testing.sim.world import World
from turnout.testing.world import START_S, a_plan, a_version, all_checks

_FAULTS_UNTIL_S = 130.0
_END_S = 6000.0


@dataclass(slots=True)
class History:
    """One history under way or over."""

    world: World
    store: MemoryStore
    calls: Calls
    hosts: Hosts
    useful: int = 0  # calls until everything had ended

    def ask(self, request: Request) -> None:
        """Let somebody ask for a release; a refusal is an answer."""
        try:
            asked = run_now(self.store.requests.add(request))
        except TurnoutError as error:
            self.world.scheduler.note(f"REFUSED {request.version.name} {error}")
            return
        if isinstance(asked, Asked) and asked.release is not None:
            self.world.learn(asked.release)
            self.world.scheduler.note(f"NEW {asked.release.id} {request.version.name}")

    def command(self, service: str, verb: Verb, digest: str | None = None) -> None:
        """Let somebody command the release under way, if there is one."""
        release = self.world.newest(service)
        if release is None or release.phase in FINAL:
            return
        given = digest or release.candidate.digest
        if verb is Verb.APPROVE and digest is None:
            self.world.approvals.add((release.id, given))
        events.command(self.store, release, verb, given)
        self.world.scheduler.note(f"COMMAND {verb} {release.id} {given}")

    def is_quiet(self) -> bool:
        """Tell whether every release has ended and no fault is to come."""
        over = self.world.scheduler.now_s > _FAULTS_UNTIL_S + 10
        return over and all(s.active is None for s in self._services())

    def finish(self) -> None:
        """Check what has to hold at the end."""
        self.world.check_rest()
        run_now(self.store.journal.verify())

    def _services(self) -> tuple[Service, ...]:
        return tuple(run_now(self.store.journal.services()))  # type: ignore[arg-type]  # what the Journal gives


def make(
    world: World, faults: Faults, *, crash: Callable[[World], None] = lambda _: None
) -> History:
    """Put a history together."""
    store = MemoryStore(lambda: START_S + world.scheduler.now_s)
    calls = Calls(world, faults, crash=crash)
    hosts = Hosts(world, store, calls, Lead(world.scheduler))
    calls.reboot = hosts.reboot
    return History(world, store, calls, hosts)


def seeded(seed: int, *, tracing: bool = False) -> History:
    """Make one random history and run it to its end.

    Raises:
        ViolationError: a promise was broken.
    """
    chance = random.Random(seed)
    truths = {f"sha256:v{i}": _truth(chance) for i in range(1, 5)}
    world = World(Scheduler(tracing=tracing), random.Random(chance.random()), truths)
    world.is_used = chance.random() < 0.95
    history = make(world, Seeded(random.Random(chance.random()), _FAULTS_UNTIL_S))
    services = ["a", "b"] if chance.random() < 0.3 else ["a"]
    for service in services:
        _ask_for_releases(history, chance, service)
        events.attend(history, service, approves=chance.random() < 0.7)
    for _ in range(chance.choice((0, 1, 2, 4))):
        events.draw(history, chance, chance.choice(services), _FAULTS_UNTIL_S)
    _boot_hosts(history, chance)
    world.scheduler.run(_END_S, history.is_quiet)
    history.finish()
    return history


def _truth(chance: random.Random) -> Truth:
    if chance.random() < 0.5:
        return Truth.GOOD
    return chance.choice(list(Truth))


def _boot_hosts(history: History, chance: random.Random) -> None:
    scheduler = history.world.scheduler
    for name in ["A", "B"] if chance.random() < 0.5 else ["A"]:
        host = Host(name)
        if chance.random() < 0.2:
            skew_s = chance.choice((-3600.0, 3600.0, 40.0))
            at_s = chance.random() * _FAULTS_UNTIL_S
            scheduler.at(at_s, partial(setattr, host, "skew_s", skew_s))
        scheduler.at(chance.random() * 3, partial(history.hosts.boot, host))


def _ask_for_releases(history: History, chance: random.Random, service: str) -> None:
    plan = _plan(chance)
    if chance.random() < 0.8:
        give_stable(history, service, plan)
    for i in range(chance.choice((1, 1, 2, 3))):
        at_s = chance.random() * 100 * (i > 0) + 0.1
        number = chance.randint(1, 4)
        request = a_wish(service, number, plan, key=f"{service}-{i}")
        request = replace(
            request,
            human=chance.random() < 0.5,
            queue=chance.random() < 0.6,
            replace=chance.random() < 0.3,
        )
        for _ in range(chance.choice((1, 1, 2))):
            later_s = at_s + chance.random() * 20
            history.world.scheduler.at(later_s, partial(history.ask, request))


def a_wish(service: str, number: int, plan: Plan, *, key: str) -> Request:
    """Make a wish for version `v<number>`."""
    return Request(
        key=key,
        service=service,
        project="sim",
        environment="local",
        version=a_version(f"v{number}"),
        plan=plan,
        by="local:dev",
        at_s=START_S,
    )


def give_stable(history: History, service: str, plan: Plan) -> None:
    """Let a service have had a release before: v0 is stable and runs."""
    events.give_stable(history, a_wish(service, 0, plan, key=f"{service}-0"))


def _plan(chance: random.Random) -> Plan:
    replicas = chance.choice((1, 2, 3, 4))
    tight = replicas > 1 and chance.random() < 0.4
    weights_bp = chance.choice(
        ((1000, 5000, 10_000), (5000, 10_000), (10_000,), (500, 3000, 10_000))
    )
    plan = a_plan(
        *weights_bp,
        hold_s=chance.choice((10.0, 20.0)),
        bake_s=chance.choice((0.0, 10.0, 30.0)),
        drain_s=chance.choice((5.0, 15.0)),
        replicas=replicas,
        room=replicas + 1 if tight else 2 * replicas,
        checks=all_checks() if chance.random() < 0.7 else Checks(),
    )
    plan = replace(
        plan,
        prepare_within_s=120.0,
        start_within_s=120.0,
        verify_within_s=120.0,
        warm_within_s=120.0,
        shift_within_s=240.0,
        approve_within_s=900.0,
        patience_s=chance.choice((60.0, 300.0)),
        blind_s=chance.choice((60.0, 400.0)),
        on_undecided=chance.choice(list(OnTrouble)),
        on_worse=OnTrouble.PAUSE if chance.random() < 0.2 else OnTrouble.ROLLBACK,
    )
    if len(weights_bp) > 1 and chance.random() < 0.3:
        asks = chance.randrange(2)
        steps = tuple(replace(step, approval=i == asks) for i, step in enumerate(plan.steps))
        plan = replace(plan, steps=steps)
    return plan


# --- directed histories


@dataclass(frozen=True, slots=True)
class Scenario:
    """A short history in which faults are put at chosen calls."""

    plan: Plan
    truth: Truth = Truth.GOOD
    verbs: tuple[tuple[float, Verb], ...] = ()
    ends: frozenset[Phase] = frozenset({Phase.PROMOTED})


_STEP = Step(weight_bp=5000, hold_s=9.0)
_WHOLE = Step(weight_bp=10_000, hold_s=4.0)
_SHORT = replace(a_plan(hold_s=9.0, bake_s=6.0, replicas=2), steps=(_STEP, _WHOLE))
_BACK = frozenset({Phase.ROLLED_BACK})

SCENARIOS: Mapping[str, Scenario] = {
    "promote": Scenario(_SHORT),
    "rollback": Scenario(replace(_SHORT, room=3), Truth.BAD, ends=_BACK),
    "tight": Scenario(replace(_SHORT, room=3, checks=all_checks())),
    "abort": Scenario(_SHORT, verbs=((30.0, Verb.ABORT),), ends=_BACK),
}


def directed(
    name: str, script: Mapping[int, Fault], *, hosts: int = 1, tracing: bool = False
) -> History:
    """Run a scenario with faults at given calls.

    Raises:
        ViolationError: a promise was broken, or the release ended as it should not.
    """
    scenario = SCENARIOS[name]
    world = World(
        Scheduler(tracing=tracing),
        random.Random(1),
        {"sha256:v1": scenario.truth},
    )
    history = make(world, Scripted(script), crash=lambda w: events.crash(w, "a", "candidate", 40.0))
    give_stable(history, "a", scenario.plan)
    wish = a_wish("a", 1, scenario.plan, key="d")
    world.scheduler.at(0.05, lambda: history.ask(wish))
    for at_s, verb in scenario.verbs:
        world.scheduler.at(at_s, partial(history.command, "a", verb))
    for at_s, host in ((0.1, Host("A")), (0.7, Host("B")))[:hosts]:
        world.scheduler.at(at_s, partial(history.hosts.boot, host))
    world.scheduler.run(_END_S, lambda: _has_ended(history))
    history.finish()
    _check_end(world, scenario, script)
    return history


def _has_ended(history: History) -> bool:
    release = history.world.newest("a")
    ended = release is not None and release.number > 1 and release.phase in FINAL
    if ended and not history.useful:
        history.useful = history.calls.count
    return ended


def _check_end(world: World, scenario: Scenario, script: Mapping[int, Fault]) -> None:
    release = world.newest("a")
    crashed = any(fault.kind is Kind.STALL_AND_CRASH for fault in script.values())
    legit = crashed and release is not None and release.outcome is Outcome.BREAKAGE
    if release is None or (release.phase not in scenario.ends and not legit):
        raise ViolationError(f"I-17 ended {release.phase if release else None}")


def points(
    name: str, kinds: tuple[Kind, ...], hosts: tuple[int, ...]
) -> Iterator[tuple[Mapping[int, Fault], int]]:
    """Give every single fault of some kinds at every call of a scenario."""
    total = directed(name, {}).useful
    for call in range(1, total + 1):
        for kind in kinds:
            for count in hosts:
                yield {call: Fault(kind, 20.0)}, count
