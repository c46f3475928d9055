"""Streams that were under way at one moment are counted in the gateway's log, each with its end."""

from pathlib import Path

import pytest

from turnout.entrypoints.demo.streams import UnderWay, under_way

AT_S = 1_700_000_000.5


def line(
    began_s: float = AT_S - 0.1,
    *,
    lasts_s: float = 0.3,
    cluster: str = "guard.r2",
    mark: str = "done:12",
    kind: str = "DownstreamEnd",
) -> str:
    fields = [f"{began_s:.6f}", kind, "guard", cluster, "guard-r2", "200", "-", "1", "2000"]
    fields += [str(round(lasts_s * 1e6)), "10", "20", mark, "-", "id"]
    return "\t".join(fields) + "\n"


def counted(folder: Path, *lines: str) -> UnderWay:
    (folder / "000001.tsv").write_text("".join(lines), encoding="utf-8")
    return under_way(folder, "guard-r2", AT_S)


def test_a_stream_over_the_moment_is_counted_with_its_end(tmp_path: Path) -> None:
    assert counted(tmp_path, line(), line()) == UnderWay(streams=2, whole=2)


@pytest.mark.parametrize("mark", ["cut:0", "open:4"])
def test_a_stream_without_its_end_is_not_whole(tmp_path: Path, mark: str) -> None:
    assert counted(tmp_path, line(), line(mark=mark)) == UnderWay(streams=2, whole=1)


@pytest.mark.parametrize(
    "other",
    [
        line(AT_S + 0.1),
        line(AT_S - 1.0, lasts_s=0.9),
        line(cluster="guard.r1"),
        line(mark="-"),
        line(kind="DownstreamPeriodic"),
        "not a line of the log\n",
    ],
    ids=["later", "over before", "of stable", "no stream", "not ended", "foreign"],
)
def test_other_requests_are_not_counted(tmp_path: Path, other: str) -> None:
    assert counted(tmp_path, other) == UnderWay(streams=0, whole=0)


def test_every_segment_of_the_log_is_read(tmp_path: Path) -> None:
    (tmp_path / "000001.000001.tsv").write_text(line(), encoding="utf-8")
    assert counted(tmp_path, line()) == UnderWay(streams=2, whole=2)
