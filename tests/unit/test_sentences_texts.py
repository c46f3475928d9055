"""What people read of a decision, word for word, with its figures."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from turnout.domain.checks import Finding
from turnout.domain.decision import Decision, decision_of
from turnout.domain.moves import decide
from turnout.domain.release import Outcome, Pause, Phase, Release
from turnout.domain.sentence import (
    Language,
    beginning,
    ending,
    held_code,
    judgement_of,
    sentence,
    waiting_for,
    worst,
)
from turnout.statistics.judgement import Comparison, Judgement, Verdict
from turnout.statistics.settings import Unit
from turnout.testing.world import (
    START_S,
    a_decision,
    a_figure,
    a_judgement,
    a_look,
    a_plan,
    a_release,
    a_running,
)

ROW = a_release(weight_bp=1000, approved_by="local:ana")
FIRST = replace(ROW, stable=None, plan=a_plan(10_000))
P99 = a_figure(
    "latency.p99",
    comparison=Comparison.RANKS,
    unit=Unit.MS,
    verdict=Verdict.WORSE,
    stable_value=182.0,
    candidate_value=611.0,
    difference=2.36,
    low=1.21,
    high=3.88,
    limit=0.1,
    log_e=6.0,
)
ERRORS = a_figure(
    verdict=Verdict.WORSE, candidate_x=9, candidate_n=420, age_s=1.0, log_e=7.0, log_e_gate=0.0
)
SLOWER = replace(P99, verdict=Verdict.UNDECIDED, difference=0.056, low=-0.061, high=None)
UNCLEAR = replace(
    SLOWER, name="ttft.p99", high=0.189, candidate_n=300, needed_requests=1200.0, log_e_gate=1.0
)
LIMIT = a_figure(comparison=Comparison.LIMIT, candidate_value=0.024, limit=None, maximum=0.01)
GOLDEN = Finding(
    code="golden",
    ok=False,
    name="levels",
    figure="accuracy",
    value=0.81,
    stable_value=0.93,
    limit=0.9,
    hits=70,
    rows=86,
)
KEPT = Finding(code="golden", ok=True, name="levels", figure="accuracy", value=0.94, limit=0.9)
LOST = Finding(code="source", ok=False, name="models/v2", text="models/v2 cannot be read")
BACK = "Rolled back to v1 from 10 %"
DECISIONS: Mapping[str, Decision] = {
    "up": a_decision("step.up", ROW, weight_to_bp=5000),
    "passed": a_decision("step.passed", ROW, figures=(a_figure(),), took_s=1800.0, requests=2214),
    "passed bare": a_decision("step.passed", ROW, took_s=10.0, requests=40),
    "promoted": a_decision("promoted", ROW, at_s=START_S + 9660.0, exposed=61_204),
    "worse": a_decision("rolledback.worse", ROW, figures=(P99,), requests=412, exposed=412),
    "worse count": a_decision("paused.worse", ROW, figures=(P99, ERRORS)),
    "limit": a_decision("rolledback.limit", ROW, figures=(a_figure(), LIMIT), exposed=52),
    "both": a_decision("paused.limit", ROW, figures=(LIMIT,)),
    "exit": a_decision(
        "rolledback.breakage", ROW, last_exit="exit 139", last_lines=("a", "fault"), exposed=31
    ),
    "errors": a_decision("rolledback.breakage", ROW, exposed=31),
    "crashed": a_decision("rolledback.crashed", ROW, last_exit="exit 1"),
    "undecided": a_decision("paused.undecided", ROW, figures=(a_figure(), UNCLEAR)),
    "open band": a_decision("paused.undecided", ROW, figures=(SLOWER,)),
    "timed out": a_decision("rolledback.timed_out", a_release(Phase.WARMING), took_s=300.0),
    "unapproved": a_decision("rolledback.not_approved", ROW, took_s=86_400.0),
    "refused": a_decision("refused", ROW, findings=(KEPT, GOLDEN)),
    "failed": a_decision("rolledback.failed", ROW, findings=(LOST,)),
    "verified": a_decision("verified", ROW, findings=(KEPT,)),
    "aborted": a_decision("aborted", ROW, by="local:ana", why="wrong model"),
    "no reason": a_decision("paused.person", ROW, by="local:ana"),
}
ENGLISH = {
    "up": "Went from 10 % to 50 %: 1 of 1 candidate instances are ready.",
    "passed": "Step 1 of 3 at 10 % is passed. 1 of 1 figures are not worse: errors +0.03 pp "
    "[-0.09 pp, +0.21 pp] (limit +2 pp) after 30 min and 2 214 requests at v2.",
    "passed bare": "Step 1 of 3 at 10 % is passed. Nothing is left to compare with at 10 %, no "
    "limit is broken after 10 s and 40 requests at v2.",
    "promoted": "v2 is stable. 3 steps, 2 h 41 min, 61 204 requests met it on the way. v1 stays "
    "warm for 10 s.",
    "worse": f"{BACK}. latency.p99 is worse: 182 ms -> 611 ms, +236 % [+121 %, +388 %], limit "
    "+10 %, after 412 requests. 412 users' requests met v2. v2 is quarantined until a person "
    "clears it.",
    "worse count": "Paused at 10 %: errors is worse: 9 of 420 requests failed within 1 s, v1 2 of "
    "2 000. A person decides: promote, or abort.",
    "limit": f"{BACK}: errors 2.4 % exceeds the limit of 1 %. 52 users' requests met v2.",
    "both": "Paused at 10 %: errors 2.4 % exceeds the limit of 1 %, and v1 breaks the same limit.",
    "exit": f"{BACK}: the candidate ended (exit 139; fault) under users. 31 users' requests met "
    "v2.",
    "errors": f"{BACK}: most of its requests failed, and those of v1 did not. 31 users' requests "
    "met v2.",
    "crashed": "Rolled back: v2 never got ready (exit 1).",
    "undecided": "Paused at 10 %: ttft.p99 is undecided, +5.6 % [-6.1 %, +18.9 %] against a limit "
    "of +10 %. A person decides: promote, wait longer (`resume`), or abort.",
    "open band": "Paused at 10 %: latency.p99 is undecided, +5.6 % [-6.1 %, …] against a limit of "
    "+10 %. A person decides: promote, wait longer (`resume`), or abort.",
    "timed out": "Rolled back: warming was not over after 5 min.",
    "unapproved": "Rolled back: nobody approved v2 within 1 d.",
    "refused": "v2 is refused before any user: golden set `levels`, accuracy is 81 % (70 of 86 "
    "rows), the limit is 90 %; v1 has 93 %.",
    "failed": "Rolled back: models/v2 cannot be read.",
    "verified": "Verified: levels accuracy 94 %.",
    "aborted": 'local:ana aborted at 10 %: "wrong model". All users go back to v1.',
    "no reason": "local:ana paused it at 10 %.",
}
CHINESE = {
    "up": "流量由 10 % 提高到 50 %:候选实例就绪 1/1。",
    "passed": "第 1/3 步(10 %)通过。30 min、v2 上 2 214 次请求后,1 项指标中 1 项未变差:"
    "errors +0.03 pp [-0.09 pp, +0.21 pp](上限 +2 pp)。",
    "promoted": "v2 已成为稳定版本。3 个步骤,2 h 41 min,期间 61 204 次请求到达它。"
    "v1 保持预热 10 s。",
    "worse": "已从 10 % 回滚到 v1。412 次请求后,latency.p99 变差:182 ms -> 611 ms,"
    "+236 % [+121 %, +388 %],上限 +10 %。412 次用户请求到达 v2。v2 已隔离,须人工解除。",
    "worse count": "已在 10 % 暂停:errors 变差:420 次请求中 9 次失败(1 s 内),v1 为 2 000 "
    "次中 2 次。请人工决定:提升或中止。",
    "limit": "已从 10 % 回滚到 v1:errors 2.4 % 超过上限 1 %。52 次用户请求到达 v2。",
    "exit": "已从 10 % 回滚到 v1:候选版本在服务用户时结束(exit 139; fault)。31 次用户请求到达 v2。",
    "aborted": 'local:ana 在 10 % 中止:"wrong model"。所有用户回到 v1。',
    "unapproved": "已回滚:1 d 内无人审批 v2。",
}


@pytest.mark.parametrize("name", ENGLISH)
def test_a_decision_reads_in_english_with_its_figures(name: str) -> None:
    decision = DECISIONS[name]
    assert sentence(decision, ROW) == ENGLISH[name]


@pytest.mark.parametrize("name", CHINESE)
def test_a_decision_reads_in_chinese_with_its_figures(name: str) -> None:
    # The catalogue's punctuation is full-width where Chinese has it.
    assert narrow(sentence(DECISIONS[name], ROW, Language.ZH)) == narrow(CHINESE[name])


def narrow(text: str) -> str:
    return text.translate(str.maketrans(",:()", ",:()"))


def test_a_first_release_is_stable_without_a_predecessor() -> None:
    told = sentence(a_decision("promoted", FIRST, at_s=START_S + 41.0), FIRST)
    assert told == (
        "v2 is stable. 1 step, 41 s, 0 requests met it on the way. It is the first version."
    )


@pytest.mark.parametrize(
    ("release", "text"),
    [
        (
            replace(ROW, reason="faster"),
            'shop-2 started: v1 -> v2 in local, asked for by local:dev: "faster".',
        ),
        (
            FIRST,
            (
                "shop-2 started: v2 is the first release of shop: nothing to compare with; "
                "limits and breakage alone decide. Asked for by local:dev."
            ),
        ),
    ],
    ids=["with a reason", "the first"],
)
def test_a_beginning_tells_who_asked_for_what(release: Release, text: str) -> None:
    assert beginning(release) == text


STAYING = replace(ROW, evidence_s=10.0)
CLEAR = a_judgement(requests_in_step=3)
DOUBT = replace(CLEAR, figures=(a_figure(), UNCLEAR))
HELD: Mapping[str, tuple[Release, Judgement | None, str, str]] = {
    "time": (ROW, CLEAR, "held.time", "Held at 10 %: the hold of 10 s is not over."),
    "blind": (
        STAYING,
        None,
        "held.blind",
        (
            "Held at 10 %: no evidence can be read. Without evidence no step is taken and none is "
            "undone."
        ),
    ),
    "unused": (
        STAYING,
        a_judgement(),
        "held.unused",
        (
            "Held at 10 %: nobody uses the service: 0 requests in 10 s, so nothing can be judged. "
            "To go on without evidence: `turnout promote shop --reason …`."
        ),
    ),
    "undecided": (
        STAYING,
        DOUBT,
        "held.undecided",
        (
            "Held at 10 %: ttft.p99 is undecided, +5.6 % [-6.1 %, +18.9 %] against a limit of "
            "+10 %; about 900 more requests are needed."
        ),
    ),
    "no figure": (
        STAYING,
        CLEAR,
        "held.undecided",
        "Held at 10 %: not enough data; more requests are needed.",
    ),
    "first": (
        replace(STAYING, stable=None),
        a_judgement(),
        "held.undecided",
        "Held at 10 %: not enough data; more requests are needed.",
    ),
    "paused": (replace(STAYING, paused=Pause(code="paused.person", by="x")), CLEAR, "", ""),
    "elsewhere": (a_release(Phase.BAKING), CLEAR, "", ""),
}


@pytest.mark.parametrize("name", HELD)
def test_a_release_that_stays_says_what_it_waits_for(name: str) -> None:
    release, judged, code, text = HELD[name]
    assert held_code(release, judged) == code
    assert waiting_for(release, judged) == text


def test_what_is_needed_never_falls_below_one_request() -> None:
    figure = replace(UNCLEAR, needed_requests=10.0)
    told = waiting_for(STAYING, replace(CLEAR, figures=(figure,)))
    assert told.endswith("about 1 more requests are needed.")


def test_the_figure_that_needs_most_is_the_one_that_is_told() -> None:
    figures = (replace(UNCLEAR, log_e_gate=2.0), replace(SLOWER, log_e_gate=0.5))
    assert "latency.p99 is undecided" in waiting_for(STAYING, replace(CLEAR, figures=figures))


def test_the_worst_figure_has_the_strongest_evidence() -> None:
    assert worst((P99, ERRORS, LIMIT)) is ERRORS
    assert worst((LIMIT,)) is None


def test_a_judgement_of_another_step_is_none_of_this_one() -> None:
    seen = a_look(ROW, judgement=CLEAR)
    assert judgement_of(ROW, seen) is CLEAR
    assert judgement_of(replace(ROW, step=1), seen) is None
    assert judgement_of(ROW, replace(seen, judged=None)) is None


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (None, "under way"),
        (Outcome.PROMOTED, "promoted"),
        (Outcome.REFUSED, "refused"),
        (Outcome.ABORTED, "aborted"),
        (Outcome.SUPERSEDED, "superseded"),
        (Outcome.FAILED, "failed"),
        (Outcome.WORSE, "rolled back"),
        (Outcome.TIMED_OUT, "rolled back"),
    ],
)
def test_an_end_has_one_word_in_history(outcome: Outcome | None, word: str) -> None:
    assert ending(replace(ROW, outcome=outcome)) == word


def test_a_candidate_that_failed_its_probes_is_not_told_to_have_failed_requests() -> None:
    seen = a_look(ROW, candidate=a_running(0, 1, failed_probes=3))
    ruling = decide(ROW, seen, None, 0.0)
    assert ruling.code == "rolledback.breakage"
    decision = decision_of(ROW, ruling.release, seen, code=ruling.code, by=ruling.by)
    assert "most of its requests failed" not in sentence(decision, ruling.release)


@pytest.mark.parametrize("code", ["undone", "aborted", "rolledback.breakage", "rolledback.limit"])
def test_a_first_release_that_goes_back_names_no_version_called_dash(code: str) -> None:
    told = sentence(a_decision(code, FIRST, figures=(LIMIT,)), FIRST)
    assert " to -" not in told
    assert " on -" not in told
