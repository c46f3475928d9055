"""A line of the access log says who is to blame."""

import pytest

from turnout.gateway.lines import Line, end_of, outcome_of, parse
from turnout.statistics.increment import Outcome, StreamEnd

WHOLE = (
    "1700000000.123456",
    "DownstreamEnd",
    "shop",
    "shop.r2",
    "shop-r2",
    "200",
    "-",
    "1",
    "2831",
    "2861",
    "10",
    "20",
    "-",
    "-",
    "a7700a33",
)
FIELDS = (
    "began", "kind", "route", "cluster", "actual", "code", "flags", "attempts", "first", "total",
    "bytes_in", "bytes_out", "mark", "length", "request",
)  # fmt: skip


def text(**changed: str) -> str:
    fields = dict(zip(FIELDS, WHOLE, strict=True)) | changed
    return "\t".join(fields.values())


def line(**changed: str) -> Line:
    found = parse(text(**changed))
    assert found is not None
    return found


def test_a_line_is_read_field_by_field() -> None:
    found = line(length="4096")
    assert found.began_us == 1_700_000_000_123_456
    assert (found.service, found.intended, found.actual) == ("shop", "shop-r2", "shop-r2")
    assert (found.first_us, found.total_us, found.length_bytes) == (2831, 2861, 4096)
    assert found.ends
    assert not line(kind="DownstreamPeriodic").ends


@pytest.mark.parametrize(
    ("route", "service", "is_tester"),
    [
        ("shop", "shop", False),
        ("shop.reads", "shop", False),
        ("shop.tester", "shop", True),
        ("-", "", False),
    ],
)
def test_the_route_names_service_and_tester(route: str, service: str, is_tester: bool) -> None:  # noqa: FBT001 - a table
    assert (line(route=route).service, line(route=route).is_tester) == (service, is_tester)


@pytest.mark.parametrize(
    ("cluster", "intended"),
    [
        ("shop.r17", "shop-r17"),
        ("shop.r17.own", "shop-r17"),
        ("my-shop.r17-t.own", "my-shop-r17-t"),
        ("daemon", ""),
        ("-", ""),
    ],
)
def test_the_cluster_names_the_intended_set(cluster: str, intended: str) -> None:
    assert line(cluster=cluster).intended == intended


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "a line of somebody else",
        text(began="soon"),
        text(code="-"),
        text(first="12x"),
        text().rpartition("\t")[0],
    ],
    ids=["empty", "foreign", "no time", "no code", "no duration", "cut off"],
)
def test_what_is_no_line_is_none(spoilt: str) -> None:
    assert parse(spoilt) is None


def test_a_request_id_with_tabs_spoils_no_field() -> None:
    assert line(request="a\tb\tDownstreamEnd").request_id == "a\tb\tDownstreamEnd"


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, Outcome.OK),
        ({"code": "304"}, Outcome.OK),
        ({"code": "500"}, Outcome.FAILED),
        ({"code": "503", "flags": "UF,URX"}, Outcome.FAILED),
        ({"code": "200", "flags": "UC"}, Outcome.FAILED),
        ({"code": "504", "flags": "SI"}, Outcome.FAILED),
        ({"code": "0", "flags": "-"}, Outcome.FAILED),
        ({"code": "404"}, Outcome.REFUSED),
        ({"code": "429"}, Outcome.REFUSED),
        ({"code": "400", "flags": "DPE"}, Outcome.REFUSED),
        ({"code": "0", "flags": "DC"}, Outcome.USER_LEFT),
        ({"code": "200", "flags": "DC", "mark": "cut:0"}, Outcome.USER_LEFT),
        ({"code": "404", "flags": "NR"}, Outcome.MISROUTED),
        ({"code": "503", "flags": "NC"}, Outcome.MISROUTED),
        ({"code": "503", "cluster": "-"}, Outcome.MISROUTED),
        ({"mark": "done:21"}, Outcome.OK),
        ({"mark": "open:7"}, Outcome.FAILED),
        ({"mark": "cut:0"}, Outcome.FAILED),
    ],
)
def test_the_outcome_blames_the_right_one(changed: dict[str, str], outcome: Outcome) -> None:
    assert outcome_of(line(**changed)) is outcome


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        ({}, StreamEnd.NONE),
        ({"mark": "done:21"}, StreamEnd.DONE),
        ({"mark": "open:3"}, StreamEnd.OPEN),
        ({"mark": "cut:0"}, StreamEnd.CUT),
        ({"mark": "cut:0", "first": "-"}, StreamEnd.NONE),
    ],
)
def test_a_stream_ends_in_one_of_four_ways(changed: dict[str, str], end: StreamEnd) -> None:
    assert end_of(line(**changed)) is end


@pytest.mark.parametrize(
    ("length", "stratum"),
    [("-", 0), ("1023", 0), ("1024", 1), ("4095", 1), ("4096", 2), ("16383", 2), ("16384", 3)],
)
def test_the_stratum_follows_the_length_that_was_announced(length: str, stratum: int) -> None:
    assert line(length=length).stratum == stratum


@pytest.mark.parametrize(("mark", "chunks"), [("done:21", 21), ("open:3", 3), ("cut:0", None)])
def test_chunks_are_known_once_a_stream_ended(mark: str, chunks: int | None) -> None:
    assert line(mark=mark).chunks == chunks
