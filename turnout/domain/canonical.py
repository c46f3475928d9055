"""JSON in the one form that is hashed: JCS, RFC 8785."""

from collections.abc import Mapping
from json.encoder import encode_basestring as _text
from math import isfinite

from turnout.domain.codec import Json

EXACT_UP_TO = 2**53 - 1  # beyond, a number of JSON means several integers
_PLAIN_FROM, _PLAIN_TO = -7, 21  # ECMAScript writes exponents outside


def canonical(json: Json) -> str:
    """Write JSON without a choice: sorted keys, no blanks, numbers as ECMAScript writes them.

    Raises:
        ValueError: for what JSON cannot say: NaN, infinity, integers of more than 53 bits.

    Source: RFC 8785.
    """
    match json:
        case None | bool():
            return _WORDS[json]
        case str():
            return _text(json)
        case int():
            return _integer(json)
        case float():
            return _number(json)
        case list():
            return f"[{','.join(map(canonical, json))}]"
        case dict():
            return f"{{{','.join(_member(key, json[key]) for key in sorted(json, key=_order))}}}"


_WORDS: Mapping[bool | None, str] = {None: "null", True: "true", False: "false"}


def _order(key: str) -> bytes:
    return key.encode("utf-16-be")


def _member(key: str, value: Json) -> str:
    return f"{_text(key)}:{canonical(value)}"


def _integer(value: int) -> str:
    if abs(value) > EXACT_UP_TO:
        raise ValueError(f"{value} has more than the 53 bits of a number of JSON")
    return str(value)


def _number(value: float) -> str:
    if not isfinite(value):
        raise ValueError(f"{value} is no number of JSON")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    digits, point = _shortest(abs(value))
    return sign + _written(digits, point)


def _shortest(value: float) -> tuple[str, int]:
    # Python's repr gives the same shortest digits; only where the point stands is written apart.
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, part = mantissa.partition(".")
    part = part.rstrip("0")
    digits = (whole + part).lstrip("0")
    leading = len(whole + part) - len(digits)
    return digits.rstrip("0"), len(whole) - leading + int(exponent or 0)


def _written(digits: str, point: int) -> str:
    if _PLAIN_FROM + 1 < point <= _PLAIN_TO:
        if point <= 0:
            return f"0.{'0' * -point}{digits}"
        if len(digits) <= point:
            return digits + "0" * (point - len(digits))
        return f"{digits[:point]}.{digits[point:]}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{point - 1:+d}"
