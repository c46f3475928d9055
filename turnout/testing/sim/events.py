"""What happens in the world by itself: crashes, outages, people."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from turnout.application.ports import Asked, Change
from turnout.domain.release import OURS, Command, Outcome, Phase, Release, Verb
from turnout.domain.route import WHOLE_BP, Fence
from turnout.errors import TurnoutError
from turnout.testing.sim.hosts import run_now
from turnout.testing.sim.place import Group, Instance
from turnout.testing.world import START_S

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from turnout.domain.service import Request
    from turnout.testing.fake_store import MemoryStore
    from turnout.testing.sim.history import History
    from turnout.testing.sim.world import World

_NEVER_S = 1e9
_PARTS = ("router", "runtime", "monitor", "store", "jobs")
_APPROVALS_S = (50, 100, 160, 260, 500, 800, 1200, 1800, 2500)
_KINDS = (
    "crash candidate",
    "crash stable",
    "crash both",
    "crash loop",
    "outage",
    "outage",
    "pause",
    "abort",
    "promote",
    "force",
    "supersede",
    "finish bake",
    "old approval",
    "move endpoints",
    "blind",
    "long outage",
)
_COMMANDS = {
    "abort": Verb.ABORT,
    "promote": Verb.PROMOTE,
    "force": Verb.FORCE,
    "supersede": Verb.SUPERSEDE,
    "finish bake": Verb.FINISH_BAKE,
}
_numbers = iter(range(1, 1 << 60))


def draw(history: History, chance: random.Random, service: str, until_s: float) -> None:
    """Let one random thing happen at a random time."""
    kind, at_s = chance.choice(_KINDS), chance.random() * until_s
    scheduler = history.world.scheduler
    if kind == "outage":
        length_s = chance.choice((5, 20, 60))
        part = chance.choice(_PARTS)
        history.world.outages.setdefault(part, []).append((at_s, at_s + length_s))
    elif kind == "long outage":
        part = chance.choice(("router", "runtime"))
        history.world.outages.setdefault(part, []).append((at_s, at_s + 600))
    elif kind == "blind":
        history.world.outages.setdefault("monitor", []).append((at_s, at_s + 500))
    elif kind == "pause":
        scheduler.at(at_s, lambda: history.command(service, Verb.PAUSE))
        later_s = at_s + 60 * chance.random()
        scheduler.at(later_s, lambda: history.command(service, Verb.RESUME))
    elif kind in _COMMANDS:
        scheduler.at(at_s, lambda: history.command(service, _COMMANDS[kind]))
    elif kind == "old approval":
        scheduler.at(at_s, lambda: history.command(service, Verb.APPROVE, "sha256:other"))
    elif kind == "move endpoints":
        scheduler.at(at_s, lambda: move(history.world, service))
    else:
        down_s = 5 + 35 * chance.random()
        scheduler.at(at_s, lambda: crash(history.world, service, kind, down_s))


def attend(history: History, service: str, *, approves: bool) -> None:
    """Let a person look in now and then, so that nothing waits for ever."""
    verbs = (Verb.APPROVE, Verb.RESUME) if approves else (Verb.RESUME,)
    for at_s in _APPROVALS_S:
        for verb in verbs:
            _at(history, at_s, partial(history.command, service, verb))
    for at_s in range(3000, 6000, 300):  # what nobody decides is given up in the end
        _at(history, at_s, lambda: history.command(service, Verb.ABORT))


def _at(history: History, at_s: float, act: Callable[[], None]) -> None:
    history.world.scheduler.at(at_s, act)


def command(store: MemoryStore, release: Release, verb: Verb, digest: str) -> None:
    """Give a command to the store; a refusal is an answer."""
    number = next(_numbers)
    given = Command(id=number, verb=verb, by="local:dev", digest=digest, why="because")
    try:
        run_now(store.requests.command(release.id, given, f"command-{number}"))
    except TurnoutError:
        return


def crash(world: World, service: str, kind: str, down_s: float) -> None:
    """Let instances die; they come back after a while, or never."""
    release = world.newest(service)
    if release is None:
        return
    world.scheduler.note(f"WORLD {kind} {service}")
    loop = "loop" in kind
    if "stable" in kind or "both" in kind:
        _crash_set(world, release.stable.name if release.stable else "", _back(world, down_s))
    if ("candidate" in kind or "both" in kind) or (loop and release.phase not in OURS):
        name = release.arm.set.name
        _crash_set(world, name, _NEVER_S if loop else _back(world, down_s))
        group = world.place(service).groups.get(name)
        if loop and group is not None and group.wanted:
            group.loops = True


def _back(world: World, down_s: float) -> float:
    return world.scheduler.now_s + down_s


def _crash_set(world: World, name: str, back_at_s: float) -> None:
    for place in world.places.values():
        group = place.groups.get(name)
        if group is None or not group.wanted:
            continue
        now_s = world.scheduler.now_s
        group.crashes += len(group.ready(now_s))
        group.crashed_s = now_s
        world.died.add(name)
        group.up = []
        for _ in range(group.wanted):
            place.next_port += 1
            group.up.append(Instance(back_at_s, place.next_port))


def move(world: World, service: str) -> None:
    """Let every instance answer somewhere else, as pods do."""
    place = world.place(service)
    world.scheduler.note(f"WORLD move endpoints {service}")
    for group in place.groups.values():
        for instance in group.up:
            place.next_port += 1
            instance.port = place.next_port


def give_stable(history: History, request: Request) -> None:
    """Let a service have been released before: its version runs and has all traffic."""
    world, store = history.world, history.store
    asked = run_now(store.requests.add(request))
    if not isinstance(asked, Asked) or asked.release is None:
        raise TypeError("the first release of a service is always started")
    release = asked.release
    plan = request.plan
    done = replace(
        release.with_arm(n=plan.replicas, weight_bp=WHOLE_BP),
        phase=Phase.PROMOTED,
        outcome=Outcome.PROMOTED,
        sole=True,
        edition=release.edition + 1,
        revision=release.revision + 1,
        wall_s=START_S,
    )
    run_now(store.releases.save(0, Change(release=done, due_s=START_S)))
    place, group = world.place(request.service), Group(done.arm.set, wanted=plan.replicas)
    for _ in range(plan.replicas):
        place.next_port += 1
        group.up.append(Instance(-1.0, place.next_port))
    place.groups[done.arm.set.name] = group
    place.weights_bp = {done.arm.set.name: WHOLE_BP}
    place.fence = place.runtime_fence = Fence(0, done.revision)
    world.learn(done)
