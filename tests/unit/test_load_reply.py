"""Answers are read alike however their bytes are cut; a short stream is told from a whole."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.testing.load_reply import MalformedReplyError, Reply, why_stream_is_short

SIZED = b"HTTP/1.1 200 OK\r\nX-Turnout-Version: v1\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"7\r\ndata: a\r\n2;x=y\r\n\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)
TRAILED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\nx-sum: 1\r\ny: 2\r\n\r\n"
)
BODIES = {SIZED: b"hello", CHUNKED: b"data: a\n\ndata: [DONE]\n\n", TRAILED: b"abc"}


def read(*parts: bytes) -> Reply:
    reply = Reply()
    for part in parts:
        reply.feed(part)
    return reply


@given(st.sampled_from(list(BODIES)), st.lists(st.integers(0, 200), max_size=6))
def test_an_answer_is_read_alike_however_it_is_cut(answer: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    reply = read(*(answer[a:b] for a, b in itertools.pairwise(places)))
    assert (reply.status, bytes(reply.body), reply.complete) == (200, BODIES[answer], True)
    assert reply.keeps_connection


@given(st.sampled_from(list(BODIES)), st.data())
def test_an_answer_without_its_last_bytes_is_not_complete(
    answer: bytes, data: st.DataObject
) -> None:
    reply = read(answer[: data.draw(st.integers(0, len(answer) - 1))])
    reply.end()
    assert not reply.complete
    assert not reply.keeps_connection


def test_header_names_are_read_in_lower_case() -> None:
    assert read(SIZED).headers[b"x-turnout-version"] == b"v1"


def test_an_early_hint_is_not_taken_for_the_answer() -> None:
    reply = read(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + SIZED)
    assert (reply.status, bytes(reply.body)) == (200, b"hello")


def test_an_answer_without_length_ends_with_its_connection() -> None:
    reply = read(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")
    assert not reply.complete
    reply.end()
    assert (bytes(reply.body), reply.complete, reply.keeps_connection) == (b"hello", True, False)


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_is_complete_after_its_head(status: int) -> None:
    assert read(f"HTTP/1.1 {status} x\r\n\r\n".encode()).complete


@pytest.mark.parametrize(
    "answer",
    [SIZED + b"more", SIZED.replace(b"X-Turnout-Version: v1", b"Connection: close")],
    ids=["unasked bytes follow", "the server says so"],
)
def test_a_connection_is_not_used_again_when(answer: bytes) -> None:
    reply = read(answer)
    assert reply.complete
    assert not reply.keeps_connection


def test_the_first_body_byte_is_told_from_the_head() -> None:
    head, _, body = SIZED.partition(b"\r\n\r\n")
    reply = read(head + b"\r\n\r\n")
    assert not reply.body_began
    reply.feed(body[:1])
    assert reply.body_began


@pytest.mark.parametrize(
    "answer",
    [
        b"\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    ],
    ids=["nothing", "another protocol", "length", "chunk"],
)
def test_bytes_that_are_no_answer_are_refused_with_a_look_at_them(answer: bytes) -> None:
    with pytest.raises(MalformedReplyError, match=r"not HTTP/1\.1: b'"):
        read(answer)


@pytest.mark.parametrize(
    ("body", "least_events", "why"),
    [
        (b"data: a\n\ndata: b\n\ndata: [DONE]\n\n", 2, ""),
        (b"data: a\r\n\r\ndata: [DONE]\r\n\r\n", 1, ""),
        (b"data: a\n\ndata: b\n\ndata: [DONE]\n\n", 3, "2 events before [DONE]"),
        (b"data: [DONE]\n\n", 1, "0 events before [DONE]"),
        (b"data: a\n\ndata: b\n\n", 1, "no [DONE]"),
        (b"", 0, "no [DONE]"),
        (b'data: {"error": "no memory"}\n\ndata: [DONE]\n\n', 1, "an error event"),
    ],
    ids=["whole", "CRLF", "too few", "no event", "no end", "nothing", "error"],
)
def test_a_stream_is_whole_or_it_is_said_why_not(body: bytes, least_events: int, why: str) -> None:
    assert why_stream_is_short(body, least_events=least_events) == why
