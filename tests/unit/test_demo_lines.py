"""The story is told by what the commands write: each sentence is known, some are left out."""

import pytest

from turnout.domain import words_en
from turnout.domain.release import Phase
from turnout.domain.sentence import beginning, sentence
from turnout.entrypoints.demo.lines import line_of
from turnout.testing.world import a_decision, a_release

TELLING = {"verified", "watching", "step.passed", "promoted", "undone"}
TELLING |= {code for code in words_en.SENTENCES if code.startswith(("refused", "rolledback"))}
SAID_ALREADY = ("prepared", "ready", "warm", "step.up", "passed", "back")


@pytest.mark.parametrize("code", sorted(words_en.SENTENCES))
def test_every_sentence_that_is_rendered_is_known_by_its_code(code: str) -> None:
    release = a_release(Phase.WATCHING, weight_bp=5000)
    text = sentence(a_decision(code, release), release)
    found = line_of(f"01:02:03  {text}").code
    # A broken limit and breakage are told in one form.
    assert found == code or {found, code} == {"rolledback.limit", "rolledback.breakage"}


@pytest.mark.parametrize(("first", "code"), [(True, "first"), (False, "started")])
def test_the_beginning_of_a_release_is_known_and_left_out(*, first: bool, code: str) -> None:
    line = line_of(beginning(a_release(Phase.PREPARING, first=first)))
    assert (line.code, line.is_story) == (code, False)


@pytest.mark.parametrize("code", sorted(TELLING))
def test_what_becomes_of_a_version_is_told(code: str) -> None:
    release = a_release(Phase.WATCHING, weight_bp=5000)
    assert line_of(sentence(a_decision(code, release), release)).is_story


@pytest.mark.parametrize("code", SAID_ALREADY)
def test_what_the_next_sentence_says_again_is_left_out(code: str) -> None:
    release = a_release(Phase.WATCHING, weight_bp=5000)
    assert not line_of(sentence(a_decision(code, release), release)).is_story


@pytest.mark.parametrize(
    ("written", "clock", "text"),
    [
        ("01:02:03  v1 is ready after 1 s.", "01:02:03  ", "v1 is ready after 1 s."),
        ("  01:02:03  v1 is ready after 1 s.", "01:02:03  ", "v1 is ready after 1 s."),
        ("guard-4  v1.1 -> v1.3  local", "", "guard-4  v1.1 -> v1.3  local"),
    ],
    ids=["followed", "explained", "without a clock"],
)
def test_the_clock_of_a_line_stands_apart(written: str, clock: str, text: str) -> None:
    line = line_of(written)
    assert (line.clock, line.text) == (clock, text)


@pytest.mark.parametrize(
    ("text", "is_story"),
    [
        ("guard-2: promoted; users are on v1.1", False),
        ("waits for the release in its way …", False),
        ("the controller does not answer; the release is kept. Trying again …", True),
        ("error: something that nobody foresaw", True),
    ],
)
def test_answers_are_left_out_and_errors_never(*, text: str, is_story: bool) -> None:
    line = line_of(text)
    assert (line.code, line.is_story) == ("", is_story)
