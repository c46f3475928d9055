"""The units of leaves: what each takes, what it refuses, and how values are written again."""

from collections.abc import Callable

import pytest
from pydantic_core import PydanticCustomError

from turnout.entrypoints.release_file import units

Parse = Callable[[object], object]
GOOD: list[tuple[Parse, str, object]] = [
    (units.duration, "30s", 30.0),
    (units.duration, "1h30m", 5400.0),
    (units.duration, "250ms", 0.25),
    (units.duration, "0s", 0.0),
    (units.duration, "1.5h", 5400.0),
    (units.duration, "2d", 172_800.0),
    (units.share, "0.1%", 0.001),
    (units.share, "100%", 1.0),
    (units.weight, "5%", 500),
    (units.weight, "0.01%", 1),
    (units.weight, "33.33%", 3333),
    (units.weight, "100%", 10_000),
    (units.whole, "0", 0),
    (units.count, "12", 12),
    (units.truth, "true", True),
    (units.truth, "false", False),
    (units.size, "16GiB", 16 * 2**30),
    (units.size, "1.5 KB", 1500),
    (units.size, "7B", 7),
    (units.secret, "env:TOKEN", "env:TOKEN"),
    (units.secret, "file:/run/secrets/a", "file:/run/secrets/a"),
    (units.limit, "0.5pp", "0.5pp"),
    (units.limit, "50/s", "50/s"),
    (units.limit, "3", "3"),
    (units.span, "2..4", "2..4"),
    (units.address, "8000", "127.0.0.1:8000"),
    (units.address, "0.0.0.0:80", "0.0.0.0:80"),
    (units.address, "[::1]:8000", "[::1]:8000"),
    (units.tester, "header:x-turnout: env:KEY", "header:x-turnout: env:KEY"),
    (units.host, "Guard.Example.com", "guard.example.com"),
    (units.host, "*.example.com", "*.example.com"),
    (units.url_path, "/health?deep=1", "/health?deep=1"),
    (units.variable, "_API_KEY1", "_API_KEY1"),
    (units.label, "guard-2", "guard-2"),
    (units.project, "platform-k8s", "platform-k8s"),
    (units.command, "a 'b c' \"d\"", ["a", "b c", "d"]),
    (units.one_or_many, "a b", ["a b"]),
    (units.whole_or_many, "50", [50]),
]
BAD: list[tuple[Parse, str, str]] = [
    (units.duration, "30", "`30` has no unit"),
    (units.duration, "30 m", "`30 m` is not a duration"),
    (units.duration, "-5s", "`-5s` is not a duration"),
    (units.duration, "1e9s", "`1e9s` is not a duration"),
    (units.duration, "9999d", "`9999d` is longer than ten years"),
    (units.share, "5", "`5` is not a percentage"),
    (units.share, "0.05", "`0.05` is not a percentage"),
    (units.share, "101%", "`101%` is more than everything"),
    (units.weight, "0.005%", "`0.005%` is finer than routers can divide"),
    (units.whole, "1.5", "`1.5` is not a whole number"),
    (units.whole, "-1", "`-1` is not a whole number"),
    (units.whole, "\u0661", "`\u0661` is not a whole number"),
    (units.count, "0", "`0` is none at all"),
    (units.truth, "yes", "`yes` is not true or false"),
    (units.size, "16 gigs", "`16 gigs` is not a size"),
    (units.size, "16", "`16` is not a size"),
    (units.secret, "hunter2", "this looks like the secret itself"),
    (units.secret, "env:", "this looks like the secret itself"),
    (units.limit, "1GB/s", "`1GB/s` is not a limit"),
    (units.span, "2...4", "`.4` is not a limit"),
    (units.address, "0", "`0` is not an address"),
    (units.address, "65536", "`65536` is not an address"),
    (units.address, "a b:80", "`a b:80` is not an address"),
    (units.tester, "x-turnout: yes", "`x-turnout: yes` does not say which header marks a tester"),
    (units.host, "a b", "`a b` is not a host name"),
    (units.host, "example.com:80", "`example.com:80` is not a host name"),
    (units.url_path, "health", "`health` is not the path of a URL"),
    (units.url_path, "/a\nb", "`/a\nb` is not the path of a URL"),
    (units.variable, "1A", "`1A` is not the name of a variable"),
    (units.label, "Guard", "`Guard` is not a name"),
    (units.label, "a" * 64, f"`{'a' * 64}` is not a name"),
    (units.label, "-a", "`-a` is not a name"),
    (units.project, "2much", "`2much` is not the name of a project"),
    (units.command, "a 'b", "a quote in the command is not closed"),
    (units.command, "  ", "the command is empty"),
]


@pytest.mark.parametrize(("parse", "text", "value"), GOOD, ids=lambda it: str(it)[:24])
def test_a_leaf_with_its_unit_is_read_as_its_value(parse: Parse, text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text", "said"), BAD, ids=lambda it: str(it)[:24])
def test_a_leaf_that_cannot_be_read_says_why(parse: Parse, text: str, said: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        parse(text)
    context = caught.value.context
    assert context is not None
    assert context["text"] == said


def test_a_secret_that_is_written_out_is_never_repeated() -> None:
    with pytest.raises(PydanticCustomError) as caught:
        units.secret("hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("parse", [units.duration, units.whole, units.secret, units.host])
def test_a_group_where_a_text_belongs_is_of_a_wrong_shape(parse: Parse) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        parse({"a": "b"})
    assert caught.value.type == "text_type"


@pytest.mark.parametrize("seconds", [0.0, 0.002, 1.0, 90.0, 5400.0, 86_400.0, 90_061.5])
def test_a_duration_that_is_written_again_is_the_same(seconds: float) -> None:
    assert units.duration(units.shown_duration(seconds)) == seconds


@pytest.mark.parametrize("points", [0, 1, 250, 500, 3333, 10_000])
def test_a_weight_that_is_written_again_is_the_same(points: int) -> None:
    assert units.weight(units.shown_weight(points)) == points


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.0, "0%"), (0.01, "1%"), (0.5, "50%"), (1.0, "100%")]
)
def test_a_share_is_written_as_a_percentage(ratio: float, text: str) -> None:
    assert units.shown_share(ratio) == text


def test_the_mark_of_a_tester_is_a_header_and_its_value() -> None:
    assert units.tester_parts("header:X-Turnout: env:KEY") == ("x-turnout", "env:KEY")


@pytest.mark.parametrize("text", [None, "nonsense"])
def test_a_leaf_that_is_absent_or_wrong_has_no_value(text: str | None) -> None:
    assert units.parsed(units.duration, text) is None
