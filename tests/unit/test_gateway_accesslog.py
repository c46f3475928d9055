"""The access log is read whole, in order, over rotations and restarts of Envoy."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from turnout.gateway.accesslog import AccessLog, Position

MUCH = 1 << 20


def drained(log: AccessLog, at: Position, most_bytes: int = MUCH) -> tuple[list[str], Position]:
    lines: list[str] = []
    while (piece := log.read(at, most_bytes)).after != at:
        lines += piece.lines
        at = piece.after
    return lines, at


def write(folder: Path, name: str, text: str) -> None:
    with (folder / name).open("a") as file:
        file.write(text)


def test_an_empty_folder_has_nothing_to_read(tmp_path: Path) -> None:
    log = AccessLog(tmp_path)
    assert drained(log, log.first()) == ([], Position(0, 0, 0))


def test_a_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    log = AccessLog(tmp_path)
    write(tmp_path, "000001.tsv", "one\ntw")
    lines, at = drained(log, log.first())
    assert (lines, at) == (["one"], Position(1, 1, 4))
    write(tmp_path, "000001.tsv", "o\n")
    assert drained(log, at)[0] == ["two"]


def test_a_rotated_segment_is_read_to_its_end(tmp_path: Path) -> None:
    log = AccessLog(tmp_path)
    write(tmp_path, "000001.tsv", "one\n")
    _, at = drained(log, log.first())
    log.rotate(1)
    # Envoy writes on into the renamed file until it opens a new one.
    write(tmp_path, "000001.000001.tsv", "two\n")
    lines, at = drained(log, at)
    assert lines == ["two"]
    write(tmp_path, "000001.tsv", "three\n")
    lines, at = drained(log, at)
    assert (lines, at) == (["three"], Position(1, 2, 6))


def test_a_line_that_was_cut_by_a_kill_is_dropped(tmp_path: Path) -> None:
    log = AccessLog(tmp_path)
    write(tmp_path, "000001.tsv", "one\nhal")
    write(tmp_path, "000002.tsv", "two\n")
    assert drained(log, log.first()) == (["one", "two"], Position(2, 1, 4))


def test_numbers_of_segments_are_never_used_again(tmp_path: Path) -> None:
    log, at = AccessLog(tmp_path), Position(1, 1, 0)
    for number in (1, 2, 3, 4):
        write(tmp_path, "000001.tsv", f"{number}\n")
        lines, at = drained(log, at)
        assert (lines, at.number) == ([str(number)], number)
        log.rotate(1)
        log.forget(at)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "000001.000003.tsv",
        "000001.000004.tsv",
    ]


def test_what_is_not_read_yet_is_not_forgotten(tmp_path: Path) -> None:
    log = AccessLog(tmp_path)
    write(tmp_path, "000001.tsv", "one\n")
    log.rotate(1)
    write(tmp_path, "000002.tsv", "two\n")
    log.forget(Position(1, 1, 0))
    assert drained(log, Position(1, 1, 0))[0] == ["one", "two"]
    log.forget(Position(2, 1, 4))
    assert [path.name for path in tmp_path.iterdir()] == ["000002.tsv"]


def test_rotating_without_a_log_does_nothing(tmp_path: Path) -> None:
    AccessLog(tmp_path).rotate(3)
    assert list(tmp_path.iterdir()) == []


@given(
    chunks=st.lists(st.tuples(st.integers(1, 5), st.sampled_from("-r!")), max_size=12),
    most_bytes=st.integers(10, 60),
)
def test_every_line_is_read_once_and_in_order(
    tmp_path_factory: object, chunks: list[tuple[int, str]], most_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("log")  # type: ignore[attr-defined]  # pytest's own
    log, at, series, written, read = AccessLog(folder), Position(0, 0, 0), 1, 0, list[str]()
    for n, event in chunks:
        text = "".join(f"{number}\n" for number in range(written, written + n))
        write(folder, f"{series:06}.tsv", text)
        written += n
        if event == "r":
            log.rotate(series)
        series += event == "!"
        lines, at = drained(log, at, most_bytes)
        read += lines
        log.forget(at)
    assert read == [str(number) for number in range(written)]
