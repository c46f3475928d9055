"""Judges of the releases under way: fed from the evidence, saved with their cursor (D-42)."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from turnout.application.ports import (
    Batch,
    Clock,
    EvidenceState,
    EvidenceStore,
    Observer,
    Tasks,
    Watched,
)
from turnout.domain.evidence import Judged
from turnout.domain.release import Release
from turnout.errors import ReignOverError, TurnoutError
from turnout.statistics.judge import Judge, WindowRecord

_BLIND_AFTER_S = 5.0
_BASELINE_S = 600.0
_SAVED_EVERY_S = 1.0
_RECONNECT_S = 0.2


@dataclass(slots=True)
class Case:
    """One release before its judge: what was told of weights, and how fresh the evidence is.

    `sent` and `acked` are (weight, step) on their way to the router and in force there.
    """

    release_id: str
    service: str
    judge: Judge
    cursor: str | None = None
    sent: tuple[int, int] | None = None
    acked: tuple[int, int] = (0, 0)
    heard_s: float | None = None
    saved_s: float = 0.0
    windows: list[str] = field(default_factory=list)
    is_open: bool = True

    def tell(self, release: Release, *, acked: bool, now_s: float) -> bool:
        """Tell the judge of a weight that is about to be in force, or is; say whether it is news.

        What is only on its way is read from the row after a crash; what is in force is news.
        """
        wanted = (release.weight_bp, release.step)
        if wanted == self.acked and self.sent is None:
            return False
        if self.sent != wanted:
            # From the commit of the decision on, the odds of a second are not one number.
            self.judge.weight_sent(release.revised_at_s)
            self.sent = wanted
        if acked:
            self.judge.weight_acked(now_s, *wanted)
            self.acked, self.sent = wanted, None
        return acked

    def take(self, batch: Batch, now_s: float) -> None:
        """Take news of the evidence in the order in which they were told."""
        for increment in batch.increments:
            if increment.service == self.service:
                self.judge.take(increment)
        if batch.complete_to is not None:
            self.judge.heartbeat(batch.complete_to)
            self.heard_s = now_s
        self.windows.extend(_line(window) for window in self.judge.closed())
        self.cursor = batch.cursor

    def state(self) -> EvidenceState:
        """Give the case as it is kept, with the windows that are not stored yet."""
        kept = {"judge": self.judge.to_dict(), "sent": self.sent, "acked": self.acked}
        windows = tuple(self.windows)
        return EvidenceState(body=json.dumps(kept), cursor=self.cursor, windows=windows)

    def stored(self, state: EvidenceState) -> None:
        """Forget windows that were stored."""
        del self.windows[: len(state.windows)]


@dataclass(slots=True)
class Judging:
    """Keeps one case for each release under way; the port `Judges` of the engine.

    `rung` is called when a case has news that may move its release.
    """

    observer: Observer
    store: EvidenceStore
    tasks: Tasks
    clock: Clock
    epoch: int
    rung: Callable[[str], None]
    _cases: dict[str, Case] = field(default_factory=dict)

    async def ensure(self, release: Release, *, acked: bool) -> None:
        """Keep a case for the release and tell it the weight."""
        case = self._cases.get(release.id)
        if case is None:
            case = await self._open(release)
        if case.tell(release, acked=acked, now_s=self.clock.wall_s()):
            await self._save(case)

    async def look(self, release: Release) -> Judged | None:
        """Give the judge's answer; None while it is blind."""
        case = self._cases.get(release.id)
        if case is None or case.heard_s is None:
            return None
        if self.clock.mono_s() - case.heard_s > _BLIND_AFTER_S:
            return None
        weight_bp, step = case.acked
        return Judged(
            step=step,
            weight_bp=weight_bp,
            judgement=case.judge.view(),
            as_of_s=self.clock.wall_s(),
        )

    async def close(self, release_id: str) -> None:
        """End a case whose release has ended; its state is kept."""
        case = self._cases.pop(release_id, None)
        if case is not None:
            case.is_open = False
            await self._save(case)
            await self._watch_all()

    async def _open(self, release: Release) -> Case:
        stable = release.stable.name if release.stable else None
        kept = await self.store.load(release.id)
        if kept is None:
            judge = Judge(release.plan.judge, stable, release.arm.set.name)
            case = Case(release_id=release.id, service=release.service, judge=judge)
        else:
            case = _restored(release, kept)
        self._cases[release.id] = case
        self.tasks.start(self._follow(case, learns=kept is None))
        return case

    async def _learn(self, case: Case) -> None:
        try:
            for batch in await self.observer.past(case.service, _BASELINE_S):
                case.take(batch, self.clock.mono_s())
        except TurnoutError:
            case.cursor = None

    async def _keep_learnt(self, case: Case) -> None:
        # What was learnt is not learnt again: the past looks different a moment later.
        try:
            await self._save(case)
        except TurnoutError:
            return  # it is saved with the next batch

    async def _watch_all(self) -> None:
        watched = {
            case.service: Watched(floor_ms=case.judge.floor_ms, deadline_s=case.judge.deadline_s)
            for case in self._cases.values()
        }
        try:
            await self.observer.ensure(watched)
        except TurnoutError:
            return  # said again with the next connection to the source

    async def _follow(self, case: Case, *, learns: bool) -> None:
        """Read the evidence until the case is closed; a source that is away is asked again."""
        if learns:
            await self._watch_all()
            await self._learn(case)
            await self._keep_learnt(case)
        while case.is_open:
            try:
                await self._watch_all()
                await self._read(case)
            except LookupError:
                case.judge.drop_open()
                case.cursor = None
            except ReignOverError:
                return
            except TurnoutError:
                pass
            await self.tasks.pause_s(_RECONNECT_S)

    async def _read(self, case: Case) -> None:
        async for batch in self.observer.watch(case.cursor):
            if not case.is_open:
                return
            case.take(batch, self.clock.mono_s())
            await self._keep(case)
            self.rung(case.release_id)

    async def _keep(self, case: Case) -> None:
        now_s = self.clock.mono_s()
        if now_s - case.saved_s >= _SAVED_EVERY_S:
            case.saved_s = now_s
            await self._save(case)

    async def _save(self, case: Case) -> None:
        state = case.state()
        await self.store.save(self.epoch, case.release_id, state)
        case.stored(state)


def _restored(release: Release, kept: EvidenceState) -> Case:
    body = json.loads(kept.body)
    return Case(
        release_id=release.id,
        service=release.service,
        judge=Judge.from_dict(release.plan.judge, body["judge"]),
        cursor=kept.cursor,
        sent=tuple(body["sent"]) if body["sent"] else None,
        acked=tuple(body["acked"]),
    )


def _line(window: WindowRecord) -> str:
    return json.dumps(window.to_dict())
