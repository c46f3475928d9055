"""The units of leaves: what each takes, what it refuses, and how values are written again."""

from collections.abc import Callable

import pytest
from pydantic_core import PydanticCustomError

from turnout.entrypoints.release_file import leaves

Parse = Callable[[object], object]
GOOD: list[tuple[Parse, str, object]] = [
    (leaves.duration, "30s", 30.0),
    (leaves.duration, "1h30m", 5400.0),
    (leaves.duration, "250ms", 0.25),
    (leaves.duration, "0s", 0.0),
    (leaves.duration, "1.5h", 5400.0),
    (leaves.duration, "2d", 172_800.0),
    (leaves.share, "0.1%", 0.001),
    (leaves.share, "100%", 1.0),
    (leaves.weight, "5%", 500),
    (leaves.weight, "0.01%", 1),
    (leaves.weight, "33.33%", 3333),
    (leaves.weight, "100%", 10_000),
    (leaves.whole, "0", 0),
    (leaves.count, "12", 12),
    (leaves.truth, "true", True),
    (leaves.truth, "false", False),
    (leaves.size, "16GiB", 16 * 2**30),
    (leaves.size, "1.5 KB", 1500),
    (leaves.size, "7B", 7),
    (leaves.secret, "env:TOKEN", "env:TOKEN"),
    (leaves.secret, "file:/run/secrets/a", "file:/run/secrets/a"),
    (leaves.limit, "0.5pp", "0.5pp"),
    (leaves.limit, "50/s", "50/s"),
    (leaves.limit, "3", "3"),
    (leaves.span, "2..4", "2..4"),
    (leaves.address, "8000", "127.0.0.1:8000"),
    (leaves.address, "0.0.0.0:80", "0.0.0.0:80"),
    (leaves.address, "[::1]:8000", "[::1]:8000"),
    (leaves.tester, "header:x-turnout: env:KEY", "header:x-turnout: env:KEY"),
    (leaves.host, "Guard.Example.com", "guard.example.com"),
    (leaves.host, "*.example.com", "*.example.com"),
    (leaves.url_path, "/health?deep=1", "/health?deep=1"),
    (leaves.variable, "_API_KEY1", "_API_KEY1"),
    (leaves.label, "guard-2", "guard-2"),
    (leaves.project, "platform-k8s", "platform-k8s"),
    (leaves.command, "a 'b c' \"d\"", ["a", "b c", "d"]),
    (leaves.one_or_many, "a b", ["a b"]),
    (leaves.whole_or_many, "50", [50]),
]
BAD: list[tuple[Parse, str, str]] = [
    (leaves.duration, "30", "`30` has no unit"),
    (leaves.duration, "30 m", "`30 m` is not a duration"),
    (leaves.duration, "-5s", "`-5s` is not a duration"),
    (leaves.duration, "1e9s", "`1e9s` is not a duration"),
    (leaves.duration, "9999d", "`9999d` is longer than ten years"),
    (leaves.share, "5", "`5` is not a percentage"),
    (leaves.share, "0.05", "`0.05` is not a percentage"),
    (leaves.share, "101%", "`101%` is more than everything"),
    (leaves.weight, "0.005%", "`0.005%` is finer than routers can divide"),
    (leaves.whole, "1.5", "`1.5` is not a whole number"),
    (leaves.whole, "-1", "`-1` is not a whole number"),
    (leaves.whole, "\u0661", "`\u0661` is not a whole number"),
    (leaves.count, "0", "`0` is none at all"),
    (leaves.truth, "yes", "`yes` is not true or false"),
    (leaves.size, "16 gigs", "`16 gigs` is not a size"),
    (leaves.size, "16", "`16` is not a size"),
    (leaves.secret, "hunter2", "this looks like the secret itself"),
    (leaves.secret, "env:", "this looks like the secret itself"),
    (leaves.limit, "1GB/s", "`1GB/s` is not a limit"),
    (leaves.span, "2...4", "`.4` is not a limit"),
    (leaves.address, "0", "`0` is not an address"),
    (leaves.address, "65536", "`65536` is not an address"),
    (leaves.address, "a b:80", "`a b:80` is not an address"),
    (leaves.tester, "x-turnout: yes", "`x-turnout: yes` does not say which header marks a tester"),
    (leaves.host, "a b", "`a b` is not a host name"),
    (leaves.host, "example.com:80", "`example.com:80` is not a host name"),
    (leaves.url_path, "health", "`health` is not the path of a URL"),
    (leaves.url_path, "/a\nb", "`/a\nb` is not the path of a URL"),
    (leaves.variable, "1A", "`1A` is not the name of a variable"),
    (leaves.label, "Guard", "`Guard` is not a name"),
    (leaves.label, "a" * 64, f"`{'a' * 64}` is not a name"),
    (leaves.label, "-a", "`-a` is not a name"),
    (leaves.project, "2much", "`2much` is not the name of a project"),
    (leaves.command, "a 'b", "a quote in the command is not closed"),
    (leaves.command, "  ", "the command is empty"),
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
        leaves.secret("hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("parse", [leaves.duration, leaves.whole, leaves.secret, leaves.host])
def test_a_group_where_a_text_belongs_is_of_a_wrong_shape(parse: Parse) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        parse({"a": "b"})
    assert caught.value.type == "text_type"


@pytest.mark.parametrize("seconds", [0.0, 0.002, 1.0, 90.0, 5400.0, 86_400.0, 90_061.5])
def test_a_duration_that_is_written_again_is_the_same(seconds: float) -> None:
    assert leaves.duration(leaves.shown_duration(seconds)) == seconds


@pytest.mark.parametrize("points", [0, 1, 250, 500, 3333, 10_000])
def test_a_weight_that_is_written_again_is_the_same(points: int) -> None:
    assert leaves.weight(leaves.shown_weight(points)) == points


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.0, "0%"), (0.01, "1%"), (0.5, "50%"), (1.0, "100%")]
)
def test_a_share_is_written_as_a_percentage(ratio: float, text: str) -> None:
    assert leaves.shown_share(ratio) == text


def test_the_mark_of_a_tester_is_a_header_and_its_value() -> None:
    assert leaves.tester_parts("header:X-Turnout: env:KEY") == ("x-turnout", "env:KEY")


@pytest.mark.parametrize("text", [None, "nonsense"])
def test_a_leaf_that_is_absent_or_wrong_has_no_value(text: str | None) -> None:
    assert leaves.parsed(leaves.duration, text) is None
