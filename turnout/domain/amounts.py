"""Numbers for people: three significant digits, always with their unit."""

from math import floor, log10

from turnout.domain.route import WHOLE_BP

_MINUTE_S, _TEN_MINUTES_S, _HOUR_S, _DAY_S = 60.0, 600.0, 3600.0, 86_400.0
_SECOND_MS = 1000.0


def number(value: float, digits: int = 3) -> str:
    """Write a number with three significant digits; whole ones with thin groups."""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - floor(log10(abs(value))))
    text = f"{round(value, places):.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(value: int) -> str:
    """Write a count in groups of three."""
    return f"{value:,}".replace(",", " ")


def weight(weight_bp: int) -> str:
    """Write a weight of traffic: 5 %."""
    return f"{number(weight_bp / WHOLE_BP * 100)} %"


def share(value: float) -> str:
    """Write a share of 0 to 1: 0.12 %."""
    return f"{number(value * 100)} %"


def points(value: float) -> str:
    """Write a difference of shares with its sign: +0.03 pp."""
    return f"{_sign(value)}{number(abs(value) * 100)} pp"


def relative(value: float) -> str:
    """Write a relative difference with its sign: +5.6 %."""
    return f"{_sign(value)}{number(abs(value) * 100)} %"


def duration_ms(value_ms: float) -> str:
    """Write milliseconds: 182 ms, 2.94 s."""
    if value_ms >= _SECOND_MS:
        return f"{number(value_ms / _SECOND_MS)} s"
    return f"{number(value_ms)} ms"


def duration(seconds_s: float) -> str:
    """Write a length of time: 8 ms, 0.4 s, 41 s, 12 min, 2 h 41 min, 1 d 14 h."""
    if seconds_s < 1 / 10:
        return f"{round(seconds_s * _SECOND_MS)} ms"
    if seconds_s < _MINUTE_S:
        return f"{number(seconds_s, 2)} s"
    if seconds_s < _TEN_MINUTES_S:
        return _two(round(seconds_s), _MINUTE_S, "min", 1.0, "s")
    if seconds_s < _HOUR_S:
        return f"{round(seconds_s / _MINUTE_S)} min"
    if seconds_s < _DAY_S:
        return _two(seconds_s, _HOUR_S, "h", _MINUTE_S, "min")
    return _two(seconds_s, _DAY_S, "d", _HOUR_S, "h")


def _two(seconds_s: float, large_s: float, large: str, small_s: float, small: str) -> str:
    whole = int(seconds_s // large_s)
    rest = int((seconds_s - whole * large_s) // small_s)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"


def _sign(value: float) -> str:
    return "-" if value < 0 else "+"
