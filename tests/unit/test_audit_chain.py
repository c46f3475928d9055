"""The chain of audit records: how it is read back, and what breaks it."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from turnout.domain.audit import (
    Entry,
    Head,
    Record,
    chain,
    head_of,
    instant,
    line_of,
    parse,
    verify,
)
from turnout.testing.world import START_S


def an_entry(action: str = "release.started", by: str = "local:ana") -> Entry:
    return Entry(
        at_s=START_S + 0.25,
        by=by,
        action=action,
        object="release/shop-1",
        digest="sha256:v1",
        why="weekly",
        code="started",
        before={"step": 0},
        after={"step": 1, "spent_s": 1.5, "big": 1e20},
    )


def a_trail(length: int = 5) -> list[Record]:
    records: list[Record] = []
    head = Head()
    for number in range(length):
        records.append(chain(an_entry(f"action.{number}"), head))
        head = head_of(records[-1])
    return records


def test_the_hash_is_that_of_prefix_and_text_without_it() -> None:
    record = chain(an_entry(), Head(7, "sha256:before"))
    text = f"turnout-audit-v1\n{record.text}"
    assert record.hash == f"sha256:{sha256(text.encode()).hexdigest()}"
    assert record.text.startswith('{"action":"release.started","actor":{"id":"ana",')
    assert '"at":"2023-11-14T22:13:20.250000Z"' in record.text
    assert '"prev":"sha256:before","seq":8' in record.text


@pytest.mark.parametrize("by", ["turnout", "local:ana", "token:t-1", "trigger:git", "ana", "a:b:c"])
def test_a_record_is_read_back_from_its_line(by: str) -> None:
    record = chain(an_entry(by=by), Head())
    assert parse(line_of(record)) == record
    assert parse(record.text) == replace(record, hash="")


@pytest.mark.parametrize(
    ("by", "actor"),
    [
        ("turnout", '{"id":"turnout","kind":"engine","via":""}'),
        ("local:ana", '{"id":"ana","kind":"person","via":"local"}'),
        ("token:t-1", '{"id":"t-1","kind":"token","via":"token"}'),
        ("trigger:git", '{"id":"git","kind":"trigger","via":"trigger"}'),
        ("ana", '{"id":"ana","kind":"person","via":""}'),
    ],
)
def test_a_record_tells_what_kind_of_actor_acted(by: str, actor: str) -> None:
    assert f'"actor":{actor}' in chain(an_entry(by=by), Head()).text


@pytest.mark.parametrize("line", ["", "[]", "{}", "null", '{"seq":1,"prev":"","at":"x"}'])
def test_what_is_no_record_is_not_read(line: str) -> None:
    with pytest.raises(ValueError, match="this is no record of an audit trail: "):
        parse(line)


def test_a_whole_chain_is_whole() -> None:
    records = a_trail()
    verified = verify(records, head_of(records[-1]))
    assert (verified.records, verified.broken_at) == (5, None)
    assert verify([], Head()).broken_at is None


def _edit(records: list[Record]) -> list[Record]:
    entry = replace(records[2].entry, why="nothing to see")
    return [*records[:2], replace(records[2], entry=entry), *records[3:]]


def _rewrite(records: list[Record]) -> list[Record]:
    entry = replace(records[2].entry, why="nothing to see")
    return [*records[:2], chain(entry, head_of(records[1])), *records[3:]]


def _put_in(records: list[Record]) -> list[Record]:
    return [*records[:3], chain(an_entry("put.in"), head_of(records[2])), *records[3:]]


def _forge_hash(records: list[Record]) -> list[Record]:
    return [*records[:4], replace(records[4], hash="sha256:0")]


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        (_edit, 3),
        (_rewrite, 4),
        (lambda records: [*records[:2], *records[3:]], 3),
        (_put_in, 5),
        (lambda records: [records[1], records[0], *records[2:]], 1),
        (_forge_hash, 5),
        (lambda records: records[:4], 5),
        (lambda records: [*records, chain(an_entry(), head_of(records[-1]))], 6),
    ],
    ids=["edited", "re-hashed", "taken out", "put in", "swapped", "forged", "cut", "added"],
)
def test_a_broken_chain_names_its_first_bad_record(
    change: Callable[[list[Record]], list[Record]], broken_at: int
) -> None:
    records = a_trail()
    verified = verify(change(records), head_of(records[-1]))
    assert verified.broken_at == broken_at
    assert verified.why


def test_an_instant_is_written_in_utc_with_microseconds() -> None:
    assert instant(START_S + 0.000001) == "2023-11-14T22:13:20.000001Z"
