"""Messages between controller and gateway: what goes in comes out, anything else is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from turnout.domain.route import Fence, Repeatable
from turnout.statistics.increment import Begun, Ended, Increment, Outcome, StreamEnd
from turnout.testing.contracts_router import a_route
from turnout.wire.calls import PutService
from turnout.wire.evidence import evidence_line, increments_of, read_line, written_increment
from turnout.wire.route import EndpointsModel, RouteModel, fence_of

ROUTE = replace(
    a_route(2500),
    settings=replace(
        a_route(0).settings,
        hosts=("shop.test", "localhost"),
        tester=("x-tester", "env:SECRET"),
        timeout_s=42.5,
        repeatable=Repeatable.ALL,
    ),
    fallback=False,
    sequence=7,
)
ENDED = Ended(
    outcome=Outcome.FAILED,
    streamed=True,
    end=StreamEnd.CUT,
    attempts=2,
    ttft_bin=101,
    duration_bin=120,
    chunks_bin=None,
    tpot_bin=None,
    n=3,
    begun=True,
)
INCREMENT = Increment(
    second=1_700_000_000,
    service="shop",
    tester=False,
    intended="shop-r2",
    actual="shop-r1",
    stratum=3,
    started=5,
    ended=(ENDED, replace(ENDED, outcome=Outcome.OK, end=StreamEnd.DONE, chunks_bin=9, tpot_bin=7)),
    overdue=1,
    running=2,
    bytes_in=10,
    bytes_out=20,
    begun=(Begun(88, 1, 2),),
)


def test_a_route_is_the_same_after_the_journey() -> None:
    told, seen = RouteModel.from_domain(ROUTE), EndpointsModel.from_domain(ROUTE)
    body = PutService(fence="7.42", route=told, endpoints=seen).model_dump_json()
    found = PutService.model_validate_json(body)
    assert found.route.to_domain(found.endpoints) == ROUTE
    assert fence_of(found.fence) == Fence(7, 42)


def test_a_digest_knows_decisions_and_no_endpoints() -> None:
    digest = RouteModel.from_domain(ROUTE).digest()
    moved = replace(ROUTE, observed={}, sequence=99)
    assert RouteModel.from_domain(moved).digest() == digest
    assert RouteModel.from_domain(replace(ROUTE, salt="other")).digest() != digest
    assert len(digest) == 16


@pytest.mark.parametrize(
    "spoilt",
    [
        {"fence": "7"},
        {"fence": "7.x"},
        {"fence": "-1.2"},
        {"fence": "\u0667.\u0664"},
        {"more": 1},
    ],
    ids=["no revision", "no number", "negative", "other digits", "unknown field"],
)
def test_a_message_that_is_not_understood_whole_is_refused(spoilt: dict[str, object]) -> None:
    told = PutService(
        fence="7.42",
        route=RouteModel.from_domain(ROUTE),
        endpoints=EndpointsModel.from_domain(ROUTE),
    )
    with pytest.raises(ValidationError):
        PutService.model_validate({**told.model_dump(mode="json"), **spoilt})


@given(epoch=st.integers(0, 2**40), revision=st.integers(0, 2**40))
def test_a_fence_is_read_as_it_was_written(epoch: int, revision: int) -> None:
    assert fence_of(str(Fence(epoch, revision))) == Fence(epoch, revision)


def test_an_increment_is_the_same_after_the_journey() -> None:
    line = read_line(evidence_line("17.4", [written_increment(INCREMENT)], 1_700_000_001))
    assert increments_of(line) == (INCREMENT,)
    assert (line.cursor, line.complete_to) == ("17.4", 1_700_000_001)


def test_a_line_of_evidence_is_one_line_and_short() -> None:
    line = evidence_line("17.4", [written_increment(INCREMENT)])
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert len(line) < 400


@pytest.mark.parametrize(
    "line",
    [b"{}", b"not json", b'{"cursor":"x","increments":[],"complete_to":null}', b""],
    ids=["empty", "text", "bad cursor", "nothing"],
)
def test_what_is_no_line_of_evidence_is_refused(line: bytes) -> None:
    with pytest.raises(ValidationError):
        read_line(line)
