"""Many releases: who is due, what rests between releases, and when this reign ends."""

from collections.abc import Callable
from dataclasses import dataclass, field

from turnout.application.engine import Engine
from turnout.application.ports import Bell, Clock, Journal, Releases, Tasks, Told
from turnout.domain.release import FINAL, Release
from turnout.domain.service import Service
from turnout.errors import FencedError, ReignOverError, StaleSaveError, TurnoutError

_IDLE_LOOK_S = 0.25
_SWEEP_EVERY_S = 60.0
_BACK_OFF_S = 1.0
_BACK_OFF_MOST_S = 60.0


@dataclass(slots=True)
class Controller:
    """Runs one reign: turns of all due releases side by side, at most one for each release.

    `closed` is called with a release that has ended.
    """

    engine: Engine
    releases: Releases
    journal: Journal
    tasks: Tasks
    clock: Clock
    bell: Bell
    told: Told
    closed: Callable[[Release], None] = lambda _: None
    is_over: bool = False
    _busy: set[str] = field(default_factory=set)
    _asked: set[str] = field(default_factory=set)
    _faults: dict[str, int] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _resting: set[str] = field(default_factory=set)
    _swept_s: float | None = None

    async def run(self) -> None:
        """Work until the reign is over: a newer epoch was met, or `stop` was called."""
        while not self.is_over:
            try:
                await self._begin_due()
                await self._rest()
            except ReignOverError:
                self.stop()
            except TurnoutError as error:
                self.told.failed("", error)
            await self.bell.wait_s(_IDLE_LOOK_S)

    def stop(self) -> None:
        """End the reign; turns under way end by themselves."""
        self.is_over = True
        self.bell.ring()

    def wake(self, release_id: str) -> None:
        """Look at a release now; while it is looked at, once more afterwards."""
        self._asked.add(release_id)
        self.bell.ring()

    def changed(self, service: str) -> None:
        """Take note that something of a service changed by itself: a process ended, say."""
        self._changed.add(service)
        self.bell.ring()

    async def _begin_due(self) -> None:
        due = await self.releases.due(self.clock.wall_s())
        # In the order of the due times: who has waited longest begins first.
        for release_id in dict.fromkeys([*due, *sorted(self._asked)]):
            if release_id in self._busy:
                continue
            self._asked.discard(release_id)
            self._busy.add(release_id)
            self.tasks.start(self._turns(release_id))

    async def _turns(self, release_id: str) -> None:
        """Turn as long as something changes: a decision is enforced in the same breath."""
        try:
            while not self.is_over:
                ruling = await self.engine.turn(release_id)
                self._faults.pop(release_id, None)
                if ruling is None:
                    return
                self.told.moved(ruling)
                if ruling.release.phase in FINAL:
                    self.closed(ruling.release)
                    self._changed.add(ruling.release.service)
                    return
        except ReignOverError as error:
            self.told.failed(release_id, error)
            self.stop()
        except StaleSaveError:
            self.engine.forget(release_id)  # the row moved on: the next turn loads it again
        except Exception as error:  # noqa: BLE001 - a border: one release's fault stops no other
            await self._back_off(release_id, error)
        finally:
            self._busy.discard(release_id)
            self.bell.ring()

    async def _back_off(self, release_id: str, error: Exception) -> None:
        self.engine.forget(release_id)
        self.told.failed(release_id, error)
        faults = self._faults[release_id] = self._faults.get(release_id, 0) + 1
        wait_s = min(_BACK_OFF_MOST_S, _BACK_OFF_S * 2 ** min(faults - 1, 6))
        try:
            await self.releases.snooze(release_id, self.clock.wall_s() + wait_s)
        except TurnoutError:
            return  # it stays due, and is tried again

    async def _rest(self) -> None:
        """Enforce what rests between releases: at takeover, on a change, and now and then."""
        now_s = self.clock.mono_s()
        swept = self._swept_s is not None and now_s - self._swept_s < _SWEEP_EVERY_S
        if swept and not self._changed:
            return
        for service in await self.journal.services():
            known = service.name in self._changed
            if (known or not swept) and service.name not in self._resting:
                self._changed.discard(service.name)
                self._resting.add(service.name)
                self.tasks.start(self._enforce(service))
        self._swept_s = self._swept_s if swept else now_s

    async def _enforce(self, service: Service) -> None:
        """Enforce one service's last row, side by side with all others."""
        try:
            if service.active is not None:
                self.wake(service.active)
            elif service.last is not None and not service.is_down:
                loaded = await self.releases.load(service.last)
                await self.engine.claim(service.name)
                await self.engine.enforce(loaded.release)
        except FencedError:
            # A release began since the row was read; its own turns tell of a fence that stays.
            self._changed.add(service.name)
        except Exception as error:  # noqa: BLE001 - a border: one service's fault stops no other
            self.told.failed(service.last or service.name, error)
            self._changed.add(service.name)
        finally:
            self._resting.discard(service.name)
