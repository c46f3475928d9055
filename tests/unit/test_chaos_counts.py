"""What the tools of proofs count, without the parts that they kill."""

from pathlib import Path

import pytest

from turnout.entrypoints.release_file import load
from turnout.testing.chaos import Layout, Tally
from turnout.testing.chaos.crowd import tally_of
from turnout.testing.chaos.evidence import Evidence, slips
from turnout.testing.chaos.figures import spread
from turnout.testing.chaos.judge import Answer, first_of

SETS = {"model-r1": "v1", "model-r2": "v2"}
TALLY = Tally(versions={"v1": 5, "v2": 2}, minutes={(7, "v1"): 4, (8, "v1"): 1, (8, "v2"): 2})


def evidence(minutes: dict[tuple[int, str], int], **sets: int) -> Evidence:
    named = {f"model-{name}": n for name, n in sets.items()}
    return Evidence(sets=named, minutes={(at, f"model-{s}"): n for (at, s), n in minutes.items()})


@pytest.mark.parametrize("golden_rows", [0, 40])
def test_the_release_file_of_a_site_has_no_mistakes(tmp_path: Path, golden_rows: int) -> None:
    Layout(port=8000, golden_rows=golden_rows).lay(tmp_path)
    assert load(tmp_path / "turnout.yaml", None).mistakes == ()


def test_two_versions_of_a_site_never_have_equal_bytes(tmp_path: Path) -> None:
    Layout(port=8000).lay(tmp_path)
    texts = [(tmp_path / "models" / version / "name.txt").read_text() for version in ("v1", "v2")]
    assert texts == ["v1", "v2"]


def test_equal_counts_in_every_minute_have_not_slipped() -> None:
    seen = evidence({(7, "r1"): 4, (8, "r1"): 1, (8, "r2"): 2}, r1=5, r2=2)
    assert slips(TALLY, seen, SETS) == 0


def test_a_request_seen_in_the_next_minute_has_slipped_once() -> None:
    seen = evidence({(7, "r1"): 3, (8, "r1"): 2, (8, "r2"): 2}, r1=5, r2=2)
    assert slips(TALLY, seen, SETS) == 1


def test_a_version_with_another_count_is_no_slip_but_a_fault() -> None:
    seen = evidence({(7, "r1"): 4, (8, "r1"): 1, (8, "r2"): 1}, r1=5, r2=1)
    with pytest.raises(ValueError, match="the gateway counted"):
        slips(TALLY, seen, SETS)


def test_a_line_of_the_users_is_read_by_minute_and_version() -> None:
    line = {
        "counts": {"sent": 9, "whole": 7, "lost": 1, "cut": 1},
        "kinds": {"stream": {"sent": 4}},
        "versions": {"v1": {"sent": 9}},
        "periods": [{"at_s": 120, "version": "v1", "sent": 9}],
        "late_ms": 2.5,
    }
    found = tally_of(line)
    assert (found.sent, found.whole, found.lost, found.cut, found.streams) == (9, 7, 1, 1, 4)
    assert found.minutes == {(2, "v1"): 9}


def test_the_first_answer_is_the_earliest_to_come_of_those_asked_after() -> None:
    answers = [
        Answer(1.0, 1.9, 0.0, "v2", is_whole=True),
        Answer(2.1, 2.6, 0.0, "v2", is_whole=True),
        Answer(2.2, 2.4, 0.0, "v2", is_whole=True),
        Answer(2.0, 2.3, 0.0, "v1", is_whole=True),
    ]
    assert first_of(answers, "v2", 2.0) == answers[2]
    assert first_of(answers, "v3", 2.0) is None


def test_a_spread_tells_the_middle_and_the_worst() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"n": 3, "p50": 2.0, "p99": 3.0, "max": 3.0}
    assert spread([]) == {"n": 0}
