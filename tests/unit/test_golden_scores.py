"""How answers are read and scored, and how figures of golden sets are counted and judged."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.domain.checks import Finding, GoldenRule, GoldenSet, Scorer
from turnout.domain.golden import (
    UNANSWERED,
    UNPARSED,
    Row,
    Scored,
    figure_of,
    findings_of,
    label_of,
    paired_p,
    score,
)
from turnout.errors import BadInputError

LEVELS = ("safe", "controversial", "unsafe")
VECTORS = json.loads(
    (Path(__file__).parents[1] / "data" / "guard_outputs.json").read_text(encoding="utf-8")
)
SET = GoldenSet(
    name="levels",
    file="/models/golden/levels.jsonl",
    digest="sha256:set",
    scorer=Scorer.LABEL,
    rules=(),
    labels=LEVELS,
    slices="slice",
)


def a_set(*rules: GoldenRule) -> GoldenSet:
    return replace(SET, rules=rules)


def scored(text: str, part: str | None = None) -> list[Scored]:
    """Read `expected>said` pairs, `su` standing for safe and unsafe."""
    words = {"s": "safe", "c": "controversial", "u": "unsafe", "?": UNPARSED, "-": UNANSWERED}
    pairs = [(words[pair[0]], words[pair[1]]) for pair in text.split()]
    return [
        Scored(row=Row(line=n, expected=e, slice=part), said=s, hit=e == s)
        for n, (e, s) in enumerate(pairs, 1)
    ]


def judged(
    rule: GoldenRule, candidate: Sequence[Scored], stable: Sequence[Scored] | None = None
) -> Finding:
    (finding,) = findings_of(a_set(rule), candidate, stable)
    return finding


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_the_answer_of_a_guard_has_the_published_label(vector: dict[str, object]) -> None:
    expected = vector["expect"]
    assert isinstance(expected, dict)
    assert label_of(str(vector["output"]), LEVELS) == (expected["label"] or UNPARSED)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("unsafe", "unsafe"),
        (" Safe\n", "safe"),
        ("Safety: Harmless", UNPARSED),
        ("not unsafe", UNPARSED),
        ("<think>Safety: Unsafe\n</think>Safety: Safe", "safe"),
        ("Safety: Safe  \nCategories: None", "safe"),
        ("", UNPARSED),
    ],
)
def test_a_label_is_read_alone_or_after_safety(text: str, label: str) -> None:
    assert label_of(text, LEVELS) == label


def test_labels_of_ones_own_are_read_as_they_are_declared() -> None:
    assert label_of("Safety: yes", ("Yes", "No")) == "Yes"
    assert label_of("controversial", ()) == "controversial"


SCORES = [
    (Scorer.EXACT, "Paris", " Paris\n", True),
    (Scorer.EXACT, "Paris", "paris", False),
    (Scorer.LABEL, "safe", "Safety: Safe\nCategories: None", True),
    (Scorer.LABEL, "safe", '{"label": "safe", "score": 0.9}', True),
    (Scorer.LABEL, "safe", '{"verdict": "safe"}', False),
    (Scorer.LABEL, "safe", "I cannot help with that.", False),
    (Scorer.JSON, '{"a": 1, "b": [2]}', '{"b":[2],"a":1}', True),
    (Scorer.JSON, '{"a": 1}', '{"a": "1"}', False),
    (Scorer.JSON, '{"a": 1}', "no JSON", False),
    (Scorer.JSON, "no JSON", "no JSON", False),
    (Scorer.NUMERIC, "42", "The answer is 42.0.", True),
    (Scorer.NUMERIC, "1200", "6 times 200 is 1,200", True),
    (Scorer.NUMERIC, "-0.5", "-5e-1", True),
    (Scorer.NUMERIC, "42", "43", False),
    (Scorer.NUMERIC, "42", "forty-two", False),
    (Scorer.NUMERIC, "none", "42", False),
]


@pytest.mark.parametrize(("scorer", "expected", "answer", "hit"), SCORES)
def test_an_answer_is_compared_as_its_scorer_says(
    scorer: Scorer, expected: str, answer: str, *, hit: bool
) -> None:
    golden = replace(SET, scorer=scorer)
    assert score(golden, Row(line=1, expected=expected), answer).hit is hit


def test_a_row_without_an_answer_is_a_class_of_its_own() -> None:
    missing = score(SET, Row(line=1, expected="safe"), None)
    assert (missing.said, missing.hit) == (UNANSWERED, False)


FIGURES = [
    ("accuracy", 3, 6),
    ("recall.unsafe", 2, 3),
    ("recall.controversial", 0, 1),
    ("precision.unsafe", 2, 3),
    ("precision.safe", 1, 1),
    ("recall.toxic", 0, 0),
]


@pytest.mark.parametrize(("name", "hits", "rows"), FIGURES)
def test_a_figure_counts_its_own_rows(name: str, hits: int, rows: int) -> None:
    figure = figure_of(name, scored("uu uu u? ss su c-"))
    assert (figure.hits, figure.rows) == (hits, rows)
    assert [row.line for row in figure_of("accuracy", scored("uu uu u? ss su c-")).missed] == [
        3,
        5,
        6,
    ]


@pytest.mark.parametrize(
    ("name", "hits", "rows"),
    [
        ("slice.jail.break.accuracy", 1, 2),
        ("slice.jail.break.recall.unsafe", 1, 1),
        ("slice.jail.break.precision.unsafe", 1, 2),
        ("slice.plain.accuracy", 1, 1),
        ("slice.nobody.accuracy", 0, 0),
    ],
)
def test_a_figure_of_a_slice_counts_the_slice(name: str, hits: int, rows: int) -> None:
    figure = figure_of(name, [*scored("uu su", "jail.break"), *scored("ss", "plain")])
    assert (figure.hits, figure.rows) == (hits, rows)


@pytest.mark.parametrize("name", ["recall", "recall.", "f1", "slice.jailbreak", "accuracy.safe"])
def test_a_figure_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="is no figure"):
        figure_of(name, scored("ss"))


def test_a_share_without_rows_is_unknown_and_passes_nothing() -> None:
    finding = judged(GoldenRule(figure="recall.unsafe", min=0.0), scored("ss"))
    assert (finding.ok, finding.value, finding.rows) == (False, None, 0)
    assert "unknown" in finding.text


def test_a_broken_minimum_says_all_that_a_sentence_needs() -> None:
    rule = GoldenRule(figure="recall.unsafe", min=0.9, worse_by=0.005)
    finding = judged(rule, scored("uu us us us us ss"), scored("uu uu uu uu uu su"))
    assert replace(finding, text="") == Finding(
        code="golden",
        ok=False,
        name="levels",
        figure="recall.unsafe",
        value=0.2,
        stable_value=1.0,
        limit=0.9,
        hits=1,
        rows=5,
        first=("levels.jsonl:2", "levels.jsonl:3", "levels.jsonl:4"),
    )
    assert finding.text == "0 rows fixed, 4 broken (p 0.062), may be worse by 0.5 pp"


LIMITS = [
    (GoldenRule(figure="accuracy", min=0.75), True),
    (GoldenRule(figure="accuracy", min=0.76), False),
    (GoldenRule(figure="accuracy", max=0.75), True),
    (GoldenRule(figure="accuracy", max=0.74), False),
    (GoldenRule(figure="accuracy", worse_by=0.25), True),
    (GoldenRule(figure="accuracy", worse_by=0.24), False),
    (GoldenRule(figure="accuracy", min=0.5, worse_by=0.0), False),
    (GoldenRule(figure="accuracy"), True),
]


@pytest.mark.parametrize(("rule", "ok"), LIMITS, ids=str)
def test_a_limit_holds_up_to_its_very_edge(rule: GoldenRule, *, ok: bool) -> None:
    finding = judged(rule, scored("ss ss ss su"), scored("ss ss ss ss"))
    assert (finding.ok, finding.value, finding.stable_value) == (ok, 0.75, 1.0)


def test_the_limit_that_is_broken_is_the_one_that_is_told() -> None:
    rule = GoldenRule(figure="accuracy", min=0.5, worse_by=0.1)
    finding = judged(rule, scored("ss ss ss su"), scored("ss ss ss ss"))
    assert finding.limit == pytest.approx(0.9)


def test_without_a_stable_version_fixed_limits_alone_hold() -> None:
    rule = GoldenRule(figure="accuracy", min=0.5, worse_by=0.0)
    finding = judged(rule, scored("ss su"))
    assert (finding.ok, finding.stable_value) == (True, None)
    assert "no stable version to compare with" in finding.text


def test_a_set_without_rules_tells_its_accuracy() -> None:
    (finding,) = findings_of(SET, scored("ss su"), None)
    assert (finding.ok, finding.figure, finding.value, finding.limit) == (
        True,
        "accuracy",
        0.5,
        None,
    )


def test_rows_without_answers_are_told_beside_each_figure() -> None:
    assert "1 rows were not answered" in judged(GoldenRule(figure="accuracy"), scored("ss s-")).text


@pytest.mark.parametrize(
    ("broken", "fixed", "p"), [(0, 0, 1.0), (1, 0, 0.5), (4, 0, 0.0625), (1, 1, 0.75), (0, 9, 1.0)]
)
def test_the_paired_test_gives_known_chances(broken: int, fixed: int, p: float) -> None:
    assert paired_p(broken, fixed) == pytest.approx(p)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_paired_chance_is_one_and_falls_with_each_broken_row(broken: int, fixed: int) -> None:
    rounding = 1e-9
    assert 0.0 <= paired_p(broken + 1, fixed) <= paired_p(broken, fixed) + rounding
    assert paired_p(broken, fixed) <= 1.0


PAIRS = st.lists(st.sampled_from(["ss", "su", "us", "uu", "cu", "c?", "u-"]), min_size=1)


@given(PAIRS, PAIRS)
def test_slices_add_up_to_the_whole(first: list[str], second: list[str]) -> None:
    parts = [*scored(" ".join(first), "a"), *scored(" ".join(second), "b")]
    for name in ("accuracy", "recall.unsafe", "precision.unsafe"):
        whole = figure_of(name, parts)
        pieces = [figure_of(f"slice.{part}.{name}", parts) for part in "ab"]
        assert whole.hits == sum(piece.hits for piece in pieces)
        assert whole.rows == sum(piece.rows for piece in pieces)
        assert len(whole.missed) == whole.rows - whole.hits


@given(PAIRS)
def test_a_version_is_never_worse_than_itself(pairs: list[str]) -> None:
    rows = scored(" ".join(pairs))
    finding = judged(GoldenRule(figure="accuracy", worse_by=0.0), rows, rows)
    assert (finding.ok, finding.value) == (True, finding.stable_value)


@given(st.text(), st.sampled_from(Scorer))
def test_any_answer_gets_a_score(answer: str, scorer: Scorer) -> None:
    assert score(replace(SET, scorer=scorer), Row(line=1, expected="safe"), answer).said is not None
