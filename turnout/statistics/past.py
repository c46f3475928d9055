"""Stable's requests of the ten minutes before the first exposure."""

from typing import Final

from turnout.statistics.bins import join
from turnout.statistics.increment import Begun, Ended, Increment, Outcome
from turnout.statistics.saved import State, as_state, counts, flat, part
from turnout.statistics.settings import Quantity
from turnout.statistics.tally import is_broken

_BLOCK_S: Final = 120
_BLOCKS: Final = 5
_FEWEST: Final = 200
_REQUESTS: Final = "requests"

Table = dict[int, int]


class Past:
    """Keep stable's durations by stratum, and by when each quantity was decided.

    Tables are named `<quantity>` for the times at which it was decided, `<quantity>/<stratum>` for
    its values.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, dict[str, Table]] = {}

    @property
    def requests(self) -> int:
        """Return how many requests it stands on."""
        return sum(map(_requests, self._blocks.values()))

    @property
    def is_enough(self) -> bool:
        """Return whether ages can be taken from it."""
        return self.requests >= _FEWEST

    def take(self, increment: Increment) -> None:
        """Add what a gateway tells of stable."""
        number = increment.second // _BLOCK_S
        tables = self._blocks.setdefault(number, {})
        for begun in increment.begun:
            _begin(tables, begun, increment.stratum)
            _count(tables, _REQUESTS, 0, begun.n)
        for ended in increment.ended:
            _end(tables, ended, increment.stratum)
            _count(tables, _REQUESTS, 0, 0 if ended.begun else ended.n)
        self._forget()

    def decided(self, quantity: Quantity) -> Table:
        """Return when requests were decided, by bin; empty where stable has no such kind."""
        return self._joined(quantity.value)

    def values(self, quantity: Quantity) -> dict[int, Table]:
        """Return the durations of each stratum."""
        start = f"{quantity.value}/"
        names = {name for block in self._blocks.values() for name in block}
        return {
            int(name[len(start) :]): self._joined(name)
            for name in sorted(names)
            if name.startswith(start)
        }

    def failures(self, quantity: Quantity) -> int:
        """Return how many failed."""
        return sum(self._joined(f"{quantity.value}!").values())

    def to_dict(self) -> State:
        """Write the blocks."""
        blocks: State = {
            str(number): {name: flat(table) for name, table in block.items()}
            for number, block in self._blocks.items()
        }
        return {"blocks": blocks}

    @classmethod
    def from_dict(cls, state: State) -> "Past":
        """Read a past back."""
        past = cls()
        for number, inside in part(state, "blocks").items():
            block = as_state(inside, "blocks")
            past._blocks[int(number)] = {name: counts(block, name) for name in block}
        return past

    def _forget(self) -> None:
        # A quiet service keeps more than ten minutes: too few requests would give no ages.
        for old in sorted(self._blocks)[: -_BLOCKS - 1]:
            if self.requests - _requests(self._blocks[old]) < _FEWEST:
                return
            del self._blocks[old]

    def _joined(self, name: str) -> Table:
        joined: Table = {}
        for block in self._blocks.values():
            join(joined, block.get(name, {}))
        return joined


def _requests(tables: dict[str, Table]) -> int:
    return tables.get(_REQUESTS, {}).get(0, 0)


def _begin(tables: dict[str, Table], begun: Begun, stratum: int) -> None:
    at, n = begun.ttft_bin, begun.n
    _count(tables, Quantity.ERRORS.value, at, n)
    _count(tables, Quantity.TTFT.value, at, n)
    _count(tables, f"{Quantity.TTFT.value}/{stratum}", at, n)


def _end(tables: dict[str, Table], ended: Ended, stratum: int) -> None:
    at, n = ended.duration_bin, ended.n
    body = ended.streamed and ended.ttft_bin is not None
    if not ended.begun:
        _count(tables, Quantity.ERRORS.value, at, n)
        if ended.attempts > 1 or (ended.outcome is Outcome.FAILED and not body):
            _count(tables, f"{Quantity.ERRORS.value}!", at, n)
    if body:
        _end_stream(tables, ended, stratum)
    elif not ended.streamed and ended.outcome is Outcome.OK:
        _count(tables, Quantity.LATENCY.value, at, n)
        _count(tables, f"{Quantity.LATENCY.value}/{stratum}", at, n)


def _end_stream(tables: dict[str, Table], ended: Ended, stratum: int) -> None:
    at, n = ended.duration_bin, ended.n
    if not ended.begun and ended.ttft_bin is not None:
        _count(tables, Quantity.TTFT.value, at, n)
        _count(tables, f"{Quantity.TTFT.value}/{stratum}", ended.ttft_bin, n)
    _count(tables, Quantity.STREAM_ERRORS.value, at, n)
    if is_broken(ended):
        _count(tables, f"{Quantity.STREAM_ERRORS.value}!", at, n)
    elif ended.tpot_bin is not None:
        _count(tables, Quantity.TPOT.value, at, n)
        _count(tables, f"{Quantity.TPOT.value}/0", ended.tpot_bin, n)


def _count(tables: dict[str, Table], name: str, at: int, n: int) -> None:
    table = tables.setdefault(name, {})
    table[at] = table.get(at, 0) + n
