"""Reading back what a state object wrote: each reader takes one kind of value or refuses."""

import math
from collections.abc import Mapping

from turnout.errors import StatisticsError

State = dict[str, object]


def number(state: State, key: str) -> float:
    """Return a saved number; null stands for the logarithm of zero."""
    value = state.get(key)
    if value is None and key in state:
        return -math.inf
    return _number(value, key)


def count(state: State, key: str) -> int:
    """Return a saved whole number."""
    return _count(state.get(key), key)


def count_or_none(state: State, key: str) -> int | None:
    """Return a saved whole number, or None where null was saved."""
    return None if state.get(key) is None else count(state, key)


def flag(state: State, key: str) -> bool:
    """Return a saved truth."""
    value = state.get(key)
    if isinstance(value, bool):
        return value
    raise _unreadable(key)


def text(state: State, key: str) -> str:
    """Return a saved word."""
    value = state.get(key)
    if isinstance(value, str):
        return value
    raise _unreadable(key)


def text_or_none(state: State, key: str) -> str | None:
    """Return a saved word, or None where null was saved."""
    return None if state.get(key) is None else text(state, key)


def numbers(state: State, key: str) -> list[float]:
    """Return a saved row of numbers."""
    return [_number(value, key) for value in items(state, key)]


def part(state: State, key: str) -> State:
    """Return a saved state inside a state."""
    return as_state(state.get(key), key)


def items(state: State, key: str) -> list[object]:
    """Return a saved row of anything."""
    value = state.get(key)
    if isinstance(value, list):
        return list(value)
    raise _unreadable(key)


def as_state(value: object, key: str) -> State:
    """Return a value that must itself be a state."""
    if isinstance(value, dict):
        return {str(name): inside for name, inside in value.items()}
    raise _unreadable(key)


def flat(counts: Mapping[int, float]) -> list[float]:
    """Write a sparse table as one row: number, count, number, count."""
    return [value for pair in sorted(counts.items()) for value in pair]


def counts(state: State, key: str) -> dict[int, int]:
    """Read a sparse table of counts."""
    row = [_count(value, key) for value in items(state, key)]
    return dict(zip(row[::2], row[1::2], strict=True))


def masses(state: State, key: str) -> dict[int, float]:
    """Read a sparse table of numbers that need not be whole."""
    row = numbers(state, key)
    return {int(at): mass for at, mass in zip(row[::2], row[1::2], strict=True)}


def finite_or_none(value: float) -> float | None:
    """Write a logarithm so that JSON can hold it."""
    return value if math.isfinite(value) else None


def _number(value: object, key: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise _unreadable(key)


def _count(value: object, key: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _unreadable(key)


def _unreadable(key: str) -> StatisticsError:
    return StatisticsError(f"the saved state cannot be read at `{key}`")
