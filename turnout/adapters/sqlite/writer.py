"""One thread that writes: waiting units share a transaction, each in a savepoint of its own."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar, cast

import apsw

from turnout.errors import StoreError

T = TypeVar("T")

_UNITS = 200
_BUSY_TRIES = 12  # of the connection's busy time-out: a minute for another program's lock
_CLOSE_WITHIN_S = 30.0
_MISTRUSTED = (apsw.IOError, apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError)


@dataclass(frozen=True, slots=True)
class Unit(Generic[T]):
    """Work inside a transaction, and where its result is waited for."""

    work: Callable[[apsw.Connection], T]
    future: "asyncio.Future[T]"


@dataclass(frozen=True, slots=True)
class Done:
    """A unit's result or error, told after the transaction is durable."""

    future: "asyncio.Future[object]"
    value: object = None
    error: Exception | None = None

    def tell(self) -> None:
        """Wake the waiting task, unless it was cancelled."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Owns the connection that writes. A unit may run twice; only its last run is kept."""

    def __init__(self, open_again: Callable[[], apsw.Connection]) -> None:
        self._open_again = open_again
        self._db: apsw.Connection | None = open_again()
        self._queue: SimpleQueue[Unit[object] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[apsw.Connection], T]) -> "asyncio.Future[T]":
        """Take a unit; its result is there once it is on disk.

        StoreError in the future means that nothing of the unit was written, but for faults of the
        disk: after them nobody knows, and the rows have to be read again.
        """
        if not self._thread.is_alive():
            raise StoreError("the store is closed")
        unit: Unit[T] = Unit(work, asyncio.get_running_loop().create_future())
        self._queue.put(cast("Unit[object]", unit))
        return unit.future

    def close(self) -> None:
        """Write what waits and give the connection back."""
        self._queue.put(None)
        self._thread.join(_CLOSE_WITHIN_S)

    def _run(self) -> None:
        while batch := self._batch():
            _tell(self._commit(batch))
        if self._db is not None:
            self._db.close()

    def _batch(self) -> list[Unit[object]]:
        first = self._queue.get()
        units = [] if first is None else [first]
        while units and len(units) < _UNITS:
            try:
                unit = self._queue.get_nowait()
            except Empty:
                break
            if unit is None:
                self._queue.put(None)  # ends the thread after this batch
                break
            units.append(unit)
        return units

    def _commit(self, units: list[Unit[object]]) -> list[Done]:
        try:
            return self._together(units)
        except _MISTRUSTED as error:
            self._give_up(error)
            return [Done(unit.future, error=_refusal(error)) for unit in units]
        except (apsw.Error, StoreError) as error:
            self._give_up(error)
            return [self._alone(unit) for unit in units]

    def _alone(self, unit: Unit[object]) -> Done:
        try:
            return self._together([unit])[0]
        except (apsw.Error, StoreError) as error:
            self._give_up(error)
            return Done(unit.future, error=_refusal(error))

    def _together(self, units: list[Unit[object]]) -> list[Done]:
        if self._db is None:
            self._db = self._open_again()
        _begin(self._db)
        done = [_in_savepoint(self._db, unit) for unit in units]
        self._db.execute("COMMIT")
        return done

    def _give_up(self, error: Exception) -> None:
        if self._db is None:
            return
        if isinstance(error, _MISTRUSTED):
            # A failed fsync may have dropped pages: the file is opened and checked again.
            with suppress(apsw.Error):
                self._db.close()
            self._db = None
        elif self._db.in_transaction:
            with suppress(apsw.Error):
                self._db.execute("ROLLBACK")


def _begin(db: apsw.Connection) -> None:
    for _ in range(_BUSY_TRIES):
        with suppress(apsw.BusyError):
            db.execute("BEGIN IMMEDIATE")
            return
    raise StoreError(f"{db.filename} is locked by another program for a minute: end it")


def _in_savepoint(db: apsw.Connection, unit: Unit[object]) -> Done:
    db.execute("SAVEPOINT unit")
    try:
        done = Done(unit.future, value=unit.work(db))
    except apsw.Error:
        raise  # the transaction may be gone with it: all units are tried again, each alone
    except Exception as error:  # noqa: BLE001 - a refusal or a fault belongs to whoever asked
        db.execute("ROLLBACK TO unit")
        done = Done(unit.future, error=error)
    db.execute("RELEASE unit")
    return done


def _refusal(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, apsw.FullError):
        return StoreError("the disk of the store is full: free some space, then it goes on")
    if isinstance(error, _MISTRUSTED):
        return StoreError(f"the disk failed ({error}); whether it was written is not known")
    return StoreError(f"the store could not write: {error}")


def _tell(done: list[Done]) -> None:
    loops = {one.future.get_loop() for one in done}
    for loop in loops:
        mine = [one for one in done if one.future.get_loop() is loop]
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
            loop.call_soon_threadsafe(_tell_all, mine)


def _tell_all(done: list[Done]) -> None:
    for one in done:
        one.tell()
