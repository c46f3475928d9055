"""Laws of the canonical form and of the chain."""

import json
import math
import struct
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from turnout.domain.audit import Entry, Head, Record, chain, head_of, line_of, parse, verify
from turnout.domain.canonical import canonical
from turnout.domain.codec import Json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(TEXTS, VALUES, max_size=4)
ENTRIES = st.builds(
    Entry,
    at_s=st.floats(0.0, 4e9).map(lambda at_s: round(at_s, 6)),
    by=st.sampled_from(["turnout", "local:ana", "token:t", "trigger:git", "ana"]),
    action=TEXTS,
    object=TEXTS,
    digest=TEXTS,
    why=TEXTS,
    code=TEXTS,
    before=FIELDS,
    after=FIELDS,
)


@given(VALUES)
def test_canonical_json_is_json_and_says_the_same(value: Json) -> None:
    text = canonical(value)
    again = json.loads(text, parse_int=float)  # beyond 53 bits a number of JSON is no integer
    assert again == value
    assert canonical(again) == text


@given(st.binary(min_size=8, max_size=8))
def test_any_double_is_read_back_from_its_text(bits: bytes) -> None:
    (number,) = struct.unpack(">d", bits)
    if math.isfinite(number):
        assert float(canonical(number)) == number


@given(st.lists(st.tuples(TEXTS, NUMBERS), max_size=6, unique_by=lambda item: item[0]))
def test_the_order_in_which_keys_came_does_not_show(items: list[tuple[str, float]]) -> None:
    assert canonical(dict(items[::-1])) == canonical(dict(items))


@given(st.lists(ENTRIES, max_size=6))
def test_a_chain_is_whole_and_is_read_back_from_its_lines(entries: list[Entry]) -> None:
    records = chained(entries)
    lines = [line_of(record) for record in records]
    again = [parse(line) for line in lines]
    assert [line_of(record) for record in again] == lines
    end = head_of(records[-1]) if records else Head()
    assert verify(again, end).broken_at is None


@given(st.lists(ENTRIES, min_size=1, max_size=6), st.data())
def test_any_edit_of_any_record_is_found_at_its_number(
    entries: list[Entry], data: st.DataObject
) -> None:
    records = chained(entries)
    place = data.draw(st.integers(0, len(records) - 1))
    entry = records[place].entry
    edited = data.draw(
        st.sampled_from(
            [
                replace(entry, by="local:eve"),
                replace(entry, action="edited by hand"),
                replace(entry, object="edited by hand"),
                replace(entry, why="edited by hand"),
                replace(entry, at_s=entry.at_s + 1.0),
                replace(entry, after={"edited": "by hand"}),
            ]
        )
    )
    changed = replace(records[place], entry=edited)
    assert verify([*records[:place], changed, *records[place + 1 :]]).broken_at == place + 1


@given(st.lists(ENTRIES, min_size=2, max_size=6), st.data())
def test_any_record_taken_out_or_moved_is_found(entries: list[Entry], data: st.DataObject) -> None:
    records = chained(entries)
    place = data.draw(st.integers(0, len(records) - 2))
    without = [*records[:place], *records[place + 1 :]]
    assert verify(without).broken_at == place + 1
    moved = [*without[: place + 1], records[place], *without[place + 1 :]]
    assert verify(moved).broken_at == place + 1


def chained(entries: list[Entry]) -> list[Record]:
    records: list[Record] = []
    head = Head()
    for entry in entries:
        records.append(chain(entry, head))
        head = head_of(records[-1])
    return records
