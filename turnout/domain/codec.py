"""Frozen values as JSON and back, by the type hints of their classes."""

import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from math import isfinite
from typing import (
    ClassVar,
    Protocol,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Decoder: TypeAlias = Callable[[Json], object]

T = TypeVar("T")


class Frozen(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, "Field[object]"]]


def to_json(value: object) -> Json:
    """Give a value as JSON: dataclasses by field name, enums by value, tuples as lists.

    Raises:
        TypeError: for a kind of value that no stored class has.
    """
    encode = _ENCODERS.get(type(value))
    if encode is not None:
        return encode(value)
    if isinstance(value, Enum):
        return to_json(value.value)
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): to_json(item) for key, item in value.items()}
    if is_dataclass(value):
        return {name: to_json(getattr(value, name)) for name in value.__dataclass_fields__}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def from_json(kind: type[T], json: Json) -> T:
    """Give the value of a class from its JSON; unknown fields are left out, absent ones default.

    Raises:
        ValueError: when the JSON does not fit the class.
    """
    try:
        return cast("T", _decoder(kind)(json))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"this is no {kind.__name__}: {error}") from error


def changes(old: Frozen, new: Frozen) -> tuple[dict[str, Json], dict[str, Json]]:
    """Give the fields in which two values of one class differ, before and after, as JSON."""
    differing = [
        name
        for name in new.__dataclass_fields__
        if (was := getattr(old, name)) is not (now := getattr(new, name)) and was != now
    ]
    before = {name: to_json(getattr(old, name)) for name in differing}
    return before, {name: to_json(getattr(new, name)) for name in differing}


# --- to JSON


def _float(value: object) -> Json:
    number = cast("float", value)
    return number if isfinite(number) else str(number)  # JSON knows no infinity


def _same(value: object) -> Json:
    return cast("Json", value)


_ENCODERS: Mapping[type, Callable[[object], Json]] = {
    type(None): _same,
    bool: _same,
    int: _same,
    str: _same,
    float: _float,
}


def _key(key: object) -> str:
    text = key.value if isinstance(key, Enum) else key
    if not isinstance(text, str):
        raise TypeError(f"a key of a JSON object is text, not {type(key).__name__}")
    return text


# --- from JSON


def _decoder(kind: object) -> Decoder:
    return _made_once(kind)


@cache
def _made_once(kind: Hashable) -> Decoder:
    if isinstance(kind, type) and kind in _SCALARS:
        return _SCALARS[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return cast("Decoder", kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _of_dataclass(kind)
    return _of_generic(kind)


def _of_generic(kind: object) -> Decoder:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return _of_union(inner)
    if origin is tuple:
        return _of_tuple(inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, item = _decoder(inner[0]), _decoder(inner[1])
        return lambda json: {key(k): item(v) for k, v in cast("dict[str, Json]", json).items()}
    raise TypeError(f"{kind} has no form in JSON")


def _of_union(kinds: tuple[object, ...]) -> Decoder:
    real = [kind for kind in kinds if kind is not type(None)]
    if len(real) != 1:
        raise TypeError(f"a union of {len(real)} classes cannot be told apart in JSON")
    decode = _decoder(real[0])
    return lambda json: None if json is None else decode(json)


def _of_tuple(kinds: tuple[object, ...]) -> Decoder:
    if kinds[-1] is Ellipsis:
        decode = _decoder(kinds[0])
        return lambda json: tuple([decode(item) for item in _list(json)])
    decoders = [_decoder(kind) for kind in kinds]
    return lambda json: tuple([d(item) for d, item in zip(decoders, _list(json), strict=True)])


def _of_dataclass(kind: type) -> Decoder:
    hints = get_type_hints(kind)
    known = [(field.name, _Later(hints[field.name])) for field in fields(kind)]
    needed = {field.name for field in fields(kind) if _is_needed(field)}

    def decode(json: Json) -> object:
        given = cast("dict[str, Json]", json)
        if missing := needed - given.keys():
            raise ValueError(f"{kind.__name__} lacks {', '.join(sorted(missing))}")
        return kind(**{name: later(given[name]) for name, later in known if name in given})

    return decode


class _Later:
    """A decoder found at its first use, so that classes may name themselves."""

    __slots__ = ("_decode", "_kind")

    def __init__(self, kind: object) -> None:
        self._kind = kind
        self._decode: Decoder | None = None

    def __call__(self, json: Json) -> object:
        if self._decode is None:
            self._decode = _decoder(self._kind)
        return self._decode(json)


def _is_needed(field: "Field[object]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _list(json: Json) -> list[Json]:
    if not isinstance(json, list):
        raise TypeError(f"{type(json).__name__} where a list belongs")
    return json


def _scalar(kind: type) -> Decoder:
    def decode(json: Json) -> object:
        if type(json) is not kind:
            raise TypeError(f"{type(json).__name__} where {kind.__name__} belongs")
        return json

    return decode


def _to_float(json: Json) -> object:
    if isinstance(json, bool) or not isinstance(json, int | float | str):
        raise TypeError(f"{type(json).__name__} where a number belongs")
    return float(json)


_SCALARS: Mapping[type, Decoder] = {
    type(None): _scalar(type(None)),
    bool: _scalar(bool),
    int: _scalar(int),
    str: _scalar(str),
    float: _to_float,
}
