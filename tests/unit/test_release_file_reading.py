"""Reading text: limits, places, and what YAML allows but a release file does not."""

from pathlib import Path

import pytest

from turnout.entrypoints.release_file import load
from turnout.entrypoints.release_file.nodes import Group, Leaf, place_at, plain, text_at
from turnout.entrypoints.release_file.positions import MAX_BYTES, MAX_VALUES, Reading, read

START = "turnout: 1\n"
BOMB = "x: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"x{at}: &{chr(97 + at)} [{','.join(['*' + chr(96 + at)] * 9)}]\n" for at in range(1, 12)
)


def codes(reading: Reading) -> list[str]:
    return [mistake.code for mistake in reading.mistakes]


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        (b"a: b\n\tc: d\n", "T002", 2, 1),
        (b"a: [b\n", "T002", 2, 1),
        (b"a: \xff\n", "T002", 1, 1),
        (b"a: b\nc: \x00\n", "T002", 2, 1),
        (b"a: b\n--- \nc: d\n", "T002", 2, 1),
        (b"a: !!python/object:os.system x\n", "T002", 1, 4),
        (b"a: !mine x\n", "T002", 1, 4),
        ("a: b\nc: d\u202ee\n".encode(), "T002", 2, 5),
        (b"", "T003", 1, 1),
        (b"# only this\n", "T003", 1, 1),
        (b"[a]: b\n", "T005", 1, 1),
        (b'a: b\n"": c\n', "T005", 2, 1),
        (b"a: &x {b: c}\nd: {<<: *x}\n", "T006", 2, 5),
        (b"a: b\nc: d\na: e\n", "T007", 3, 1),
        (b"a: &x [*x]\n", "T004", 1, 4),
        (b"- " * 40 + b"a\n", "T004", 1, 67),
        (b"[" * 5000, "T002", 1, 1),
        (b"- " * 400_000 + b"a", "T002", 1, 1),
    ],
    ids=[
        *("tab", "bracket", "utf-8", "nul", "two documents", "python tag", "own tag", "hidden"),
        *("empty", "comment", "list as key", "no key", "merge key", "twice", "circle", "deep"),
        *("deep flow", "deep block"),
    ],
)
def test_what_is_not_read_is_told_at_its_place(
    content: bytes, code: str, line: int, column: int
) -> None:
    reading = read(content, "turnout.yaml")
    [mistake] = reading.mistakes
    assert (mistake.code, mistake.place.line) == (code, line)
    assert reading.root is None
    if code != "T002" or column > 1:
        assert mistake.place.column == column


def test_several_mistakes_of_reading_are_told_at_once() -> None:
    reading = read(b"a: 1\na: 2\nb: !x y\nc: {<<: z}\n", "turnout.yaml")
    assert codes(reading) == ["T007", "T002", "T006"]


def test_a_file_is_at_most_one_mebibyte_long() -> None:
    allowed = b"a: " + b"b" * (MAX_BYTES - 3)
    assert not read(allowed, "turnout.yaml").mistakes
    [mistake] = read(allowed + b"b", "turnout.yaml").mistakes
    assert mistake.text == "the file has 1,048,577 bytes; the limit is 1,048,576"


def test_aliases_that_grow_without_end_are_stopped_at_the_limit() -> None:
    [mistake] = read(BOMB.encode(), "turnout.yaml").mistakes
    assert mistake.code == "T004"
    assert f"{MAX_VALUES:,}" in mistake.text


def test_the_most_values_are_read_and_one_more_is_not() -> None:
    lines = ["- a"] * (MAX_VALUES - 1)
    assert not read("\n".join(lines).encode(), "f").mistakes
    assert codes(read("\n".join([*lines, "- a"]).encode(), "f")) == ["T004"]


@pytest.mark.parametrize("word", ["no", "1.10", "0x1F", "1e3", "2026-11-25", "true", "12:30:45"])
def test_a_scalar_stays_the_text_that_was_written(word: str) -> None:
    root = read(f"a: {word}\n".encode(), "turnout.yaml").root
    assert root is not None
    assert plain(root) == {"a": word}


@pytest.mark.parametrize(
    ("written", "value"),
    [("", None), ("~", None), ("null", None), ('""', ""), ("'null'", "null")],
    ids=["nothing", "tilde", "null", "quotes", "quoted null"],
)
def test_only_an_unquoted_nothing_is_no_value(written: str, value: str | None) -> None:
    root = read(f"a: {written}\n".encode(), "turnout.yaml").root
    assert root is not None
    assert plain(root) == {"a": value}


def test_keys_and_values_know_where_they_stand() -> None:
    root = read(b"a:\n  - {bc: def, g: h}\n", "turnout.yaml").root
    assert isinstance(root, Group)
    key = place_at(root, ("a", 0, "bc"), of_key=True)
    value = place_at(root, ("a", 0, "bc"))
    assert (key.line, key.column, key.length) == (2, 6, 2)
    assert (value.line, value.column, value.length) == (2, 10, 3)


def test_a_place_that_is_missing_is_that_of_the_group_around_it() -> None:
    root = read(b"a:\n  b: c\n", "turnout.yaml").root
    assert isinstance(root, Group)
    assert place_at(root, ("a", "x", 3, "y")).line == 2
    assert place_at(root, ("z",)).line == 1


def test_an_alias_has_the_places_of_what_it_stands_for() -> None:
    root = read(b"a: &x\n  b: c\nd: *x\n", "turnout.yaml").root
    assert isinstance(root, Group)
    assert text_at(root, "d", "b") == "c"
    assert place_at(root, ("d", "b")).line == 2


def test_a_byte_order_mark_and_wide_letters_do_not_move_columns() -> None:
    root = read("\ufeffa: [ä语, b]\n".encode(), "turnout.yaml").root
    assert isinstance(root, Group)
    found = place_at(root, ("a", 1))
    assert (found.line, found.column) == (1, 9)


def test_a_list_is_not_a_release_file(tmp_path: Path) -> None:
    file = tmp_path / "turnout.yaml"
    file.write_text("- a\n", "utf-8")
    assert [found.code for found in load(file).mistakes] == ["T104"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {}\n", "the file does not say its schema version"),
        ("turnout: 2\n", "this program reads schema version 1; the file says `2`"),
        ("turnout: \n", "this program reads schema version 1; the file says no version"),
        ("turnout: [1]\n", "this program reads schema version 1; the file says no version"),
    ],
    ids=["missing", "later", "empty", "list"],
)
def test_a_file_of_another_schema_is_refused_alone(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "turnout.yaml"
    file.write_text(f"{text}nonsense: 5\n", "utf-8")
    [mistake] = load(file).mistakes
    assert (mistake.code, mistake.text) == ("T010", said)


@pytest.mark.parametrize("name", ["missing.yaml", "folder"])
def test_a_file_that_cannot_be_read_is_a_mistake_too(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    [mistake] = load(tmp_path / name).mistakes
    assert mistake.code == "T213"
    assert name in mistake.text


def test_keys_that_start_with_x_are_skipped_at_the_top_only(tmp_path: Path) -> None:
    file = tmp_path / "turnout.yaml"
    file.write_text(f"{START}x-note: {{a: [b]}}\nservices: {{g: {{run: a, x-b: c}}}}\n", "utf-8")
    [mistake] = load(file).mistakes
    assert (mistake.code, mistake.place.line) == ("T101", 3)


def test_a_leaf_is_a_value_that_is_equal_by_text_and_place() -> None:
    root = read(b"a: b\n", "f").root
    assert isinstance(root, Group)
    assert root.entries["a"] == Leaf("b", place_at(root, ("a",)))
