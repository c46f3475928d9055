"""Both languages say the same things, every code has its words, and no word is idle."""

import ast
import inspect
import re
from collections.abc import Mapping
from string import Formatter

import pytest

from turnout.domain import sentence as renderer
from turnout.domain import words_en, words_zh
from turnout.domain.moves import BREAKAGE, MOVES, decide
from turnout.domain.orders import obey
from turnout.domain.release import FINAL, Pause, Phase, Verb
from turnout.domain.sentence import Language, sentence
from turnout.testing.world import a_command, a_decision, a_look, a_release

GROUPS = ("SENTENCES", "WHY", "WORDS")
FIRST = ".first"  # the end of what is told of first releases alone
ENGLISH: dict[str, Mapping[str, str]] = {name: getattr(words_en, name) for name in GROUPS}
CHINESE: dict[str, Mapping[str, str]] = {name: getattr(words_zh, name) for name in GROUPS}
SOURCE = ast.parse(inspect.getsource(renderer))
SPOKEN = {n.value for n in ast.walk(SOURCE) if isinstance(n, ast.Constant)}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def codes_of_orders() -> set[str]:
    pause = Pause(code="paused.person", by="local:ana")
    rows = [a_release(p, paused=held) for p in set(Phase) - FINAL for held in (None, pause)]
    told = {obey(row, (a_command(verb),))[1] for row in rows for verb in Verb}
    return told - {""}


def codes_of_weights() -> set[str]:
    up = a_release(Phase.SHIFTING, step=1, weight_bp=1000)
    back = a_release(Phase.ROLLING_BACK, weight_bp=1000)
    return {decide(row, a_look(row), None, 0.0).code for row in (up, back)}


def codes() -> set[str]:
    moves = [*BREAKAGE, *(move for stay in MOVES.values() for move in stay.moves)]
    late = {f"rolledback.{stay.late}" for stay in MOVES.values() if stay.limit_s}
    return {move.code for move in moves} | late | codes_of_orders() | codes_of_weights()


def test_every_code_has_a_sentence_and_every_sentence_a_code() -> None:
    told = {code for code in words_en.SENTENCES if not code.endswith(FIRST)}
    assert told == codes()


def test_only_codes_that_are_told_have_a_sentence_for_first_releases() -> None:
    first = {code.removesuffix(FIRST) for code in words_en.SENTENCES if code.endswith(FIRST)}
    assert first
    assert first <= codes()


@pytest.mark.parametrize("group", GROUPS)
def test_both_languages_have_the_same_entries(group: str) -> None:
    assert list(CHINESE[group]) == list(ENGLISH[group])


@pytest.mark.parametrize("group", GROUPS)
def test_both_languages_tell_the_same_facts(group: str) -> None:
    english = {code: placeholders(text) for code, text in ENGLISH[group].items()}
    assert {code: placeholders(text) for code, text in CHINESE[group].items()} == english


@pytest.mark.parametrize("group", ["WHY", "WORDS"])
def test_no_words_are_idle_in_any_group(group: str) -> None:
    assert set(ENGLISH[group]) - SPOKEN == set()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("code", words_en.SENTENCES)
def test_every_sentence_can_be_told_of_a_bare_decision(code: str, language: Language) -> None:
    for release in (a_release(weight_bp=1000), a_release(first=True)):
        text = sentence(a_decision(code, release), release, language)
        assert not re.search(r"[{}]|None", text)
        assert text.endswith("." if language is Language.EN else "。")


@pytest.mark.parametrize("text", [t for g in ENGLISH.values() for t in g.values()])
def test_english_is_told_without_words_of_doubt_or_other_scripts(text: str) -> None:
    assert not re.search(r"seem|maybe|perhaps|apparently", text)
    assert text.replace("…", "").isascii()


@pytest.mark.parametrize("code", words_zh.SENTENCES)
def test_a_chinese_sentence_is_written_in_chinese(code: str) -> None:
    assert re.search("[\u4e00-\u9fff]", words_zh.SENTENCES[code])
