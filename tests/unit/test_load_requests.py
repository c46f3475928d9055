"""What the users ask: texts of both languages, long ones among them, in correct requests."""

import json
from dataclasses import replace

import pytest

from turnout.testing.load import CHAT_PATH, Load, plain_load, request_bytes
from turnout.testing.load_tally import Kind
from turnout.testing.load_texts import LONG_CHARACTERS, user_texts

CHAT = Load(port=1, host="guard.test", headers=(("x-turnout", "key"),))


def parsed(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def is_long(text: str) -> bool:
    return len(text) >= LONG_CHARACTERS


def test_at_least_fifteen_of_a_hundred_users_say_long_texts() -> None:
    texts = user_texts(500)
    assert len(texts) == 500
    assert 0.15 <= sum(map(is_long, texts)) / 500 <= 0.17


def test_every_text_is_either_short_or_clearly_long() -> None:
    assert all(len(text) < 100 or is_long(text) for text in user_texts())
    assert max(map(len, user_texts())) < LONG_CHARACTERS + 200


@pytest.mark.parametrize("wanted", [is_long, lambda text: not is_long(text)], ids=["long", "short"])
def test_half_of_the_users_write_english_and_half_chinese(wanted: object) -> None:
    texts = [text for text in user_texts() if is_long(text) is (wanted is is_long)]
    assert sum(text.isascii() for text in texts) * 2 == len(texts)


def test_users_say_the_same_texts_each_time() -> None:
    assert user_texts(50) == user_texts(500)[:50]


def test_a_chat_request_carries_the_text_and_its_true_length() -> None:
    first, fields, body = parsed(request_bytes(CHAT, Kind.STREAM, 7, "怎么烤面包?"))
    asked = json.loads(body)
    assert first == f"POST {CHAT_PATH} HTTP/1.1"
    assert int(fields["content-length"]) == len(body)
    assert asked["messages"][-1]["content"] == "怎么烤面包?"
    assert asked["stream"] is True


def test_a_whole_answer_is_asked_for_without_a_stream() -> None:
    *_, body = parsed(request_bytes(CHAT, Kind.ANSWER, 7, "hello"))
    assert json.loads(body)["stream"] is False


def test_a_request_names_its_host_its_user_and_the_fields_of_the_load() -> None:
    _, fields, _ = parsed(request_bytes(CHAT, Kind.ANSWER, 7, "hello"))
    assert (fields["host"], fields["x-user"], fields["x-turnout"]) == ("guard.test", "u7", "key")


@pytest.mark.parametrize(
    ("kind", "line"),
    [(Kind.ANSWER, "GET / HTTP/1.1"), (Kind.STREAM, "GET /stream HTTP/1.1")],
    ids=["answer", "stream"],
)
def test_a_plain_load_gets_without_a_body(kind: Kind, line: str) -> None:
    first, fields, body = parsed(request_bytes(plain_load(port=1), kind, 7, "hello"))
    assert (first, body) == (line, b"")
    assert "content-length" not in fields


def test_a_plain_load_streams_only_when_told_to() -> None:
    assert plain_load(port=1).share_ratio == 0
    assert replace(plain_load(port=1), share_ratio=0.5) == plain_load(port=1, share_ratio=0.5)
