"""How the scalars of a release file are read, each with its unit, and written again."""

import re
import shlex
from collections.abc import Callable
from decimal import Decimal

from pydantic_core import PydanticCustomError

_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_BYTES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_DURATION = re.compile(rf"({_NUMBER})(ms|s|m|h|d)")
_PERCENT = re.compile(rf"({_NUMBER})%")
_SIZE = re.compile(rf"({_NUMBER}) ?([KMG]i?B|TiB|B)")
_LIMIT = re.compile(rf"{_NUMBER}(%|pp|x|ms|s|m|[KMG]i?B|TiB|/s)?")
_SECRET = re.compile(r"(env|file|k8s|command):.+")
_ADDRESS = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):)?(?P<port>[0-9]{1,5})")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_TESTER = re.compile(r"header:([A-Za-z0-9-]{1,64}): *(\S.*)")
_HOST = re.compile(
    r"(\*\.)?([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9][-A-Za-z0-9]*"
)
_URL_PATH = re.compile(r"/[!-~]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_PORT = 65_535
_WHOLE_PERCENT = 100
_LONGEST_S = 10 * 366 * 86_400


def wrong(text: str, fix: str = "", **values: object) -> PydanticCustomError:
    """Make the error of a leaf: what is wrong and the way out."""
    shown = {name: str(value) for name, value in values.items()}
    return PydanticCustomError("leaf", "{text}|{fix}", {"text": text, "fix": fix, **shown})


def text_of(value: object) -> str:
    """Take a text; a group or list is of a wrong shape."""
    if not isinstance(value, str):
        raise PydanticCustomError("text_type", "must be a text")
    return value


def duration(value: object) -> float:
    """Read `1h30m` as seconds."""
    text = text_of(value)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        if re.fullmatch(_NUMBER, text):
            fix = f"write `{text}s` for seconds or `{text}m` for minutes"
            raise wrong(f"`{text}` has no unit", fix)
        example = "write a number with ms, s, m, h or d, for example `30m` or `1h30m`"
        raise wrong(f"`{text}` is not a duration", example)
    seconds = sum(Decimal(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > _LONGEST_S:
        raise wrong(f"`{text}` is longer than ten years")
    return float(seconds)


def share(value: object) -> float:
    """Read `5%` as 0.05."""
    text = text_of(value)
    match = _PERCENT.fullmatch(text)
    if not match:
        fix = "write it with a percent sign, for example `5%`"
        raise wrong(f"`{text}` is not a percentage", fix)
    percent = Decimal(match[1])
    if percent > _WHOLE_PERCENT:
        raise wrong(f"`{text}` is more than everything", "the largest weight is `100%`")
    return float(percent / _WHOLE_PERCENT)


def weight(value: object) -> int:
    """Read `5%` as 500 basis points."""
    share(value)
    points = Decimal(text_of(value).removesuffix("%")) * _WHOLE_PERCENT
    if points != int(points):
        raise wrong(f"`{value}` is finer than routers can divide", "use steps of `0.01%`")
    return int(points)


def whole(value: object) -> int:
    """Read a whole number."""
    text = text_of(value)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise wrong(f"`{text}` is not a whole number", "write digits only")
    return int(text)


def count(value: object) -> int:
    """Read a whole number above 0."""
    number = whole(value)
    if not number:
        raise wrong("`0` is none at all", "the least is 1")
    return number


def truth(value: object) -> bool:
    """Read `true` or `false`."""
    text = text_of(value)
    if text not in ("true", "false"):
        raise wrong(f"`{text}` is not true or false", "write `true` or `false`")
    return text == "true"


def size(value: object) -> int:
    """Read `16GiB` as bytes."""
    text = text_of(value)
    match = _SIZE.fullmatch(text)
    if not match:
        units = "B, KB, MB, GB, KiB, MiB, GiB or TiB"
        fix = f"write a number with {units}, for example `16GiB`"
        raise wrong(f"`{text}` is not a size", fix)
    return int(Decimal(match[1]) * _BYTES[match[2]])


def secret(value: object) -> str:
    """Read a reference to a secret; a literal is refused and never shown."""
    text = text_of(value)
    if not _SECRET.fullmatch(text):
        fix = (
            "put it outside the file and refer to it: `env:NAME`, `file:/run/secrets/name`, "
            "`k8s:namespace/name/key` or `command:vault kv get …`"
        )
        raise wrong("this looks like the secret itself", fix)
    return text


def limit(value: object) -> str:
    """Read a number with the unit of its figure."""
    text = text_of(value)
    if not _LIMIT.fullmatch(text):
        units = "`200ms`, `2%`, `0.5pp`, `1.1x`, `16GiB`, `50/s`"
        raise wrong(f"`{text}` is not a limit", f"write a number with its unit: {units}")
    return text


def span(value: object) -> str:
    """Read `4` (request and limit) or `2..4` (request and limit apart)."""
    text = text_of(value)
    for half in text.split(".."):
        limit(half)
    return text


def address(value: object) -> str:
    """Read `8000` or `host:8000` as `host:port`."""
    text = text_of(value)
    match = _ADDRESS.fullmatch(text)
    if not match or not 0 < int(match["port"]) <= _MAX_PORT:
        fix = "write a port such as `8000`, or `127.0.0.1:8000`"
        raise wrong(f"`{text}` is not an address", fix)
    return f"{match['host'] or '127.0.0.1'}:{match['port']}"


def tester(value: object) -> str:
    """Read `header:NAME: VALUE`, which marks a tester's requests."""
    text = text_of(value)
    if not _TESTER.fullmatch(text):
        fix = "write `header:x-turnout: env:TESTER_KEY`"
        raise wrong(f"`{text}` does not say which header marks a tester", fix)
    return text


def tester_parts(text: str) -> tuple[str, str]:
    """Split a tester's mark into the header's name and its value."""
    match = _TESTER.fullmatch(text)
    return (match[1].lower(), match[2]) if match else ("", "")


def host(value: object) -> str:
    """Read a host name."""
    text = text_of(value)
    if not _HOST.fullmatch(text):
        raise wrong(f"`{text}` is not a host name", "write a name such as `guard.example.com`")
    return text.lower()


def url_path(value: object) -> str:
    """Read the path of a URL."""
    text = text_of(value)
    if not _URL_PATH.fullmatch(text):
        raise wrong(f"`{text}` is not the path of a URL", "begin it with `/`")
    return text


def variable(value: object) -> str:
    """Read the name of an environment variable."""
    text = text_of(value)
    if not _VARIABLE.fullmatch(text):
        fix = "use letters, digits and `_`, with no digit first"
        raise wrong(f"`{text}` is not the name of a variable", fix)
    return text


def label(value: object) -> str:
    """Read a name of a service or environment."""
    text = text_of(value)
    if not _LABEL.fullmatch(text):
        fix = "use 1 to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends"
        raise wrong(f"`{text}` is not a name", fix)
    return text


def project(value: object) -> str:
    """Read the name of a project, which begins with a letter."""
    text = label(value)
    if not text[0].isalpha():
        raise wrong(f"`{text}` is not the name of a project", "begin it with a letter")
    return text


def command(value: object) -> list[str]:
    """Split a command like a shell would, without running one; a list is taken as it is."""
    if isinstance(value, list):
        return [text_of(part) for part in value]
    text = text_of(value)
    try:
        parts = shlex.split(text)
    except ValueError:
        raise wrong("a quote in the command is not closed", "close it, or write a list") from None
    if not parts:
        raise wrong("the command is empty", "write the program and its arguments")
    return parts


def one_or_many(value: object) -> list[str]:
    """Take one text as a list of one."""
    return [text_of(part) for part in value] if isinstance(value, list) else [text_of(value)]


def whole_or_many(value: object) -> list[int]:
    """Take one whole number as a list of one."""
    return [whole(part) for part in (value if isinstance(value, list) else [value])]


def shown_duration(seconds: float) -> str:
    """Write seconds as a duration in its shortest exact form."""
    rest_ms = round(seconds * 1000)
    parts = []
    for unit, length_ms in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        count, rest_ms = divmod(rest_ms, length_ms)
        if count:
            parts.append(f"{count}{unit}")
    if rest_ms or not parts:
        parts.append(f"{rest_ms}ms" if rest_ms else "0s")
    return "".join(parts)


def shown_share(ratio: float) -> str:
    """Write a share of 0 to 1 as a percentage."""
    return f"{ratio * _WHOLE_PERCENT:g}%"


def shown_weight(points: int) -> str:
    """Write basis points as a percentage."""
    return f"{points / _WHOLE_PERCENT:g}%"


def parsed(parse: Callable[[object], float], text: str | None) -> float | None:
    """Read a leaf; None where it is absent or cannot be read."""
    if text is None:
        return None
    try:
        return parse(text)
    except PydanticCustomError:
        return None
