"""The sentences of a release's life, word for word, in both languages."""

import re
from dataclasses import replace

import pytest

from turnout.domain.checks import Finding
from turnout.domain.decision import Decision
from turnout.domain.release import Outcome, Phase, Release
from turnout.domain.sentence import Language, beginning, ending, sentence, worst
from turnout.statistics.judgement import Comparison, FigureView, Verdict
from turnout.statistics.settings import Unit
from turnout.testing.world import START_S, a_decision, a_figure, a_plan, a_release

ROW = a_release(weight_bp=500, plan=a_plan(500, 5000, 10_000, replicas=4, bake_s=86_400.0), n=2)
ERRORS = a_figure()
LATENCY = a_figure(
    "latency.p90",
    comparison=Comparison.RANKS,
    unit=Unit.MS,
    stable_value=182.0,
    candidate_value=176.4,
    difference=-0.031,
    low=-0.08,
    high=0.022,
    limit=0.1,
)
SLOWER = replace(
    LATENCY,
    verdict=Verdict.WORSE,
    candidate_value=611.0,
    difference=2.36,
    low=1.21,
    high=3.88,
    log_e=9.0,
)
FAILING = replace(
    ERRORS,
    verdict=Verdict.WORSE,
    candidate_x=9,
    candidate_n=420,
    stable_x=12,
    stable_n=7980,
    age_s=1.0,
    log_e=9.0,
)
OVER = a_figure(comparison=Comparison.LIMIT, candidate_value=0.024, limit=None, maximum=0.01)
GOLDEN = Finding(
    code="golden",
    ok=False,
    name="levels",
    figure="recall.unsafe",
    value=0.0,
    stable_value=1.0,
    limit=0.9,
    hits=0,
    rows=86,
)
FINE = Finding(code="golden", ok=True, name="levels", figure="accuracy", value=0.985)
TAMPERED = Finding(
    code="signature", ok=False, name="model.safetensors", text="the bytes are not the signed ones"
)


Said = tuple[dict[str, object], str, str]  # what differs from a bare decision, and both sentences


def told(code: str, release: Release | None = None, **changes: object) -> tuple[str, str]:
    release = release or ROW
    shown: dict[str, object] = {"took_s": 61.0, "requests": 2214, "exposed": 61_204, **changes}
    decision = a_decision(code, release, **shown)
    return sentence(decision, release), sentence(decision, release, Language.ZH)


def said(changes: dict[str, object], english: str, chinese: str) -> Said:
    return changes, english, chinese


GOLDENS: dict[str, Said] = {
    "ready": said({}, "v2 is ready after 1 min 1 s.", "v2 在 1 min 1 s 后就绪。"),
    "prepared": said({}, "v2 is in the store: digest v2.", "v2 已入库:摘要 v2。"),
    "verified": said(
        {"findings": (FINE,)},
        "Verified: levels accuracy 98.5 %.",
        "验证通过:levels accuracy 98.5 %。",
    ),
    "step.up": said(
        {"weight_to_bp": 5000},
        "Went from 5 % to 50 %: 2 of 2 candidate instances are ready.",
        "流量由 5 % 提高到 50 %:候选实例就绪 2/2。",
    ),
    "watching": said(
        {},
        "5 % of the requests go to v2; it is watched for at least 10 s.",
        "5 % 的请求进入 v2;至少观察 10 s。",
    ),
    "step.passed": said(
        {"figures": (ERRORS, LATENCY)},
        "Step 1 of 3 at 5 % is passed. 2 of 2 figures are not worse: errors +0.03 pp"
        " [-0.09 pp, +0.21 pp] (limit +2 pp); latency.p90 -3.1 % [-8 %, +2.2 %] (limit +10 %)"
        " after 1 min 1 s and 2 214 requests at v2.",
        "第 1/3 步(5 %)通过。1 min 1 s、v2 上 2 214 次请求后,2 项指标中 2 项未变差:errors"
        " +0.03 pp [-0.09 pp, +0.21 pp](上限 +2 pp); latency.p90 -3.1 % [-8 %, +2.2 %]"
        "(上限 +10 %)。",
    ),
    "passed": said(
        {"weight_from_bp": 10_000, "took_s": 3.0},
        "The last step is passed. Nothing is left to compare with at 100 %, no limit is broken"
        " after 3 s and 2 214 requests at v2.",
        "最后一步通过。3 s、v2 上 2 214 次请求后,100 % 时已无可比较,未超出任何上下限。",
    ),
    "promoted": said(
        {"at_s": START_S + 9660.0},
        "v2 is stable. 3 steps, 2 h 41 min, 61 204 requests met it on the way."
        " v1 stays warm for 1 d.",
        "v2 已成为稳定版本。3 个步骤,2 h 41 min,期间 61 204 次请求到达它。v1 保持预热 1 d。",
    ),
    "baked": said(
        {"took_s": 86_400.0},
        "1 d without a worse figure; v1 is retired.",
        "1 d 内没有指标变差;v1 下线。",
    ),
    "rolledback.worse": said(
        {"figures": (ERRORS, SLOWER), "requests": 412, "exposed": 413},
        "Rolled back to v1 from 5 %. latency.p90 is worse: 182 ms -> 611 ms, +236 %"
        " [+121 %, +388 %], limit +10 %, after 412 requests. 413 users' requests met v2."
        " v2 is quarantined until a person clears it.",
        "已从 5 % 回滚到 v1。412 次请求后,latency.p90 变差:182 ms -> 611 ms,+236 %"
        " [+121 %, +388 %],上限 +10 %。413 次用户请求到达 v2。v2 已隔离,须人工解除。",
    ),
    "rolledback.limit": said(
        {"figures": (ERRORS, OVER)},
        "Rolled back to v1 from 5 %: errors 2.4 % exceeds the limit of 1 %."
        " 61 204 users' requests met v2.",
        "已从 5 % 回滚到 v1:errors 2.4 % 超过上限 1 %。61 204 次用户请求到达 v2。",
    ),
    "rolledback.breakage": said(
        {"last_exit": "exit 139", "last_lines": ("loading", "Segmentation fault")},
        "Rolled back to v1 from 5 %: the candidate ended (exit 139; Segmentation fault) under"
        " users. 61 204 users' requests met v2.",
        "已从 5 % 回滚到 v1:候选版本在服务用户时结束(exit 139; Segmentation fault)。"
        "61 204 次用户请求到达 v2。",
    ),
    "rolledback.crashed": said(
        {"last_exit": "exit 1"},
        "Rolled back: v2 never got ready (exit 1).",
        "已回滚:v2 始终未就绪(exit 1)。",
    ),
    "rolledback.no_evidence": said(
        {"took_s": 86_400.0},
        "Rolled back to v1 from 5 %: no evidence could be read for 1 d.",
        "已从 5 % 回滚到 v1:1 d 内无法读取依据。",
    ),
    "refused": said(
        {"findings": (FINE, GOLDEN)},
        "v2 is refused before any user: golden set `levels`, recall.unsafe is 0 % (0 of 86 rows),"
        " the limit is 90 %; v1 has 100 %.",
        "v2 在接触用户之前被拒绝:黄金测试集 `levels` 的 recall.unsafe 为 0 %(86 行中 0 行),"
        "下限或上限 90 %;v1 为 100 %。",
    ),
    "paused.limit": said(
        {"figures": (OVER,)},
        "Paused at 5 %: errors 2.4 % exceeds the limit of 1 %, and v1 breaks the same limit.",
        "已在 5 % 暂停:errors 2.4 % 超过上限 1 %,且 v1 同样超限。",
    ),
    "aborted": said(
        {"by": "local:ana", "why": "lunch"},
        'local:ana aborted at 5 %: "lunch". All users go back to v1.',
        'local:ana 在 5 % 中止:"lunch"。所有用户回到 v1。',
    ),
    "overruled": said(
        {"by": "local:ana"},
        "local:ana overruled the remaining hold.",
        "local:ana 跳过了剩余的停留时间。",
    ),
    "undone": said(
        {},
        "All users are on v1; v2 has ended after 1 min 1 s.",
        "所有用户都在 v1 上;v2 在 1 min 1 s 后结束。",
    ),
}


@pytest.mark.parametrize("code", GOLDENS)
def test_a_decision_is_told_in_these_words(code: str) -> None:
    changes, english, chinese = GOLDENS[code]
    assert told(code, None, **changes) == (english, chinese)


def test_failures_are_told_as_counts_within_their_age() -> None:
    english, chinese = told("rolledback.worse", figures=(LATENCY, FAILING))
    part = "errors is worse: 9 of 420 requests failed within 1 s, v1 12 of 7 980, after"
    assert part in english
    assert "errors 变差:420 次请求中 9 次失败(1 s 内),v1 为 7 980 次中 12 次。" in chinese


def test_failures_of_any_age_are_told_without_one() -> None:
    figures = (replace(FAILING, age_s=None),)
    assert "9 of 420 requests failed, v1" in told("rolledback.worse", figures=figures)[0]


def test_a_pause_for_a_worse_figure_says_what_a_person_may_do() -> None:
    english, _ = told("paused.worse", figures=(SLOWER,))
    assert english.endswith("limit +10 %. A person decides: promote, or abort.")


def test_most_failures_without_an_end_are_told_as_such() -> None:
    english, _ = told("rolledback.breakage")
    assert ": most of its requests failed, and those of v1 did not. " in english


def test_a_figure_of_which_nothing_is_known_yet_shows_dots() -> None:
    bare = a_figure(difference=None, low=None, high=None, limit=None)
    assert ": errors … (limit …) after" in told("step.passed", figures=(bare,))[0]


@pytest.mark.parametrize(
    ("low", "high", "band"),
    [(None, 0.0021, "[…, +0.21 pp]"), (-0.0009, None, "[-0.09 pp, …]")],
)
def test_a_band_that_is_open_on_one_side_shows_dots_there(
    low: float | None, high: float | None, band: str
) -> None:
    figure = a_figure(low=low, high=high)
    assert (
        f": errors +0.03 pp {band} (limit +2 pp) after"
        in (told("step.passed", figures=(figure,))[0])
    )


def test_only_figures_that_were_compared_are_counted_as_not_worse() -> None:
    waiting = replace(LATENCY, verdict=Verdict.UNDECIDED)
    assert ". 1 of 1 figures are not worse" in told("step.passed", figures=(ERRORS, waiting))[0]


def test_a_decision_keeps_its_words_when_the_row_has_gone_on() -> None:
    gone = replace(ROW.with_arm(n=0, weight_bp=0), phase=Phase.ROLLED_BACK, step=2)
    decision = a_decision("step.up", ROW, weight_to_bp=5000)
    assert sentence(decision, gone) == sentence(decision, ROW)


def test_a_digest_is_told_by_its_first_twelve_signs() -> None:
    built = replace(ROW.candidate, digest="sha256:0123456789abcdef")
    release = ROW.with_arm(set=replace(ROW.arm.set, version=built))
    assert told("prepared", release)[0] == "v2 is in the store: digest 0123456789ab."


def test_one_step_is_told_as_one() -> None:
    one = a_release(plan=a_plan(10_000))
    assert told("promoted", one)[0].startswith("v2 is stable. 1 step, ")


def test_a_first_version_keeps_no_other_warm() -> None:
    release = a_release(first=True, plan=a_plan(10_000))
    assert told("promoted", release)[0].endswith("on the way. It is the first version.")


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (TAMPERED, "the bytes are not the signed ones"),
        (replace(TAMPERED, text=""), "model.safetensors"),
        (replace(GOLDEN, value=None, text="no row was answered"), "no row was answered"),
        (
            replace(GOLDEN, rows=None),
            "golden set `levels`, recall.unsafe is 0 %, the limit is 90 %; v1 has 100 %",
        ),
        (
            replace(GOLDEN, stable_value=None, limit=None),
            "golden set `levels`, recall.unsafe is 0 % (0 of 86 rows), the limit is …",
        ),
    ],
    ids=["text", "name", "no value", "no rows", "no stable, no limit"],
)
def test_a_finding_is_told_as_far_as_it_goes(finding: Finding, text: str) -> None:
    assert told("refused", findings=(finding,))[0] == f"v2 is refused before any user: {text}."


def test_all_bad_findings_are_told_and_good_ones_only_without_them() -> None:
    bad = told("refused", findings=(FINE, TAMPERED, TAMPERED))[0]
    assert bad.count("the bytes are not the signed ones") == 2
    assert "accuracy" not in bad
    assert told("verified")[0] == "Verified: nothing."


# --- how a release began and ended


def test_a_release_begins_with_both_versions_who_asked_and_why() -> None:
    release = replace(ROW, reason="faster")
    assert beginning(release) == (
        'shop-2 started: v1 -> v2 in local, asked for by local:dev: "faster".'
    )
    assert beginning(release, Language.ZH) == (
        'shop-2 开始:local 环境 v1 -> v2,由 local:dev 申请:"faster"。'
    )


def test_a_first_release_says_that_nothing_is_compared() -> None:
    assert beginning(a_release(first=True)) == (
        "shop-2 started: v2 is the first release of shop: nothing to compare with;"
        " limits and breakage alone decide. Asked for by local:dev."
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_an_end_has_one_of_six_words(outcome: Outcome) -> None:
    own = {"refused", "promoted", "aborted", "superseded", "failed"}
    word = str(outcome) if str(outcome) in own else "rolled back"
    assert ending(a_release(Phase.ROLLED_BACK, outcome=outcome)) == word


def test_a_release_that_has_no_outcome_is_under_way() -> None:
    assert ending(ROW) == "under way"


def figures(*pairs: tuple[str, float]) -> tuple[FigureView, ...]:
    return tuple(a_figure(name, log_e=log_e) for name, log_e in pairs)


def test_the_worst_figure_is_the_one_with_the_strongest_evidence() -> None:
    found = worst(figures(("a", -2.0), ("b", 1.0), ("c", 0.5)))
    assert found is not None
    assert found.name == "b"


def test_a_limit_is_not_taken_for_the_worst_comparison() -> None:
    limits = (a_figure("m", limit=None, maximum=0.1, log_e=50.0),)
    found = worst((*limits, *figures(("a", -2.0))))
    assert found is not None
    assert found.name == "a"
    assert worst(limits) is None


# --- what was not told as it should be


def decisions() -> list[Decision]:
    first = a_release(first=True, weight_bp=10_000)
    codes = ("baked", "retired", "undone", "aborted", "rolledback.limit")
    return [a_decision(code, first) for code in codes]


@pytest.mark.parametrize("decision", decisions(), ids=lambda decision: decision.code)
def test_a_first_release_names_no_version_that_is_not_there(decision: Decision) -> None:
    words = re.split(r"[ .;:]", sentence(decision, a_release(first=True)))
    assert "-" not in words


def test_failed_probes_are_not_told_as_failed_requests() -> None:
    english, chinese = told("rolledback.breakage", failed_probes=3)
    assert english == (
        "Rolled back to v1 from 5 %: its health probe failed 3 times in a row under users."
        " 61 204 users' requests met v2."
    )
    assert chinese == (
        "已从 5 % 回滚到 v1:在服务用户时,健康探针连续失败 3 次。61 204 次用户请求到达 v2。"
    )


def test_a_first_release_that_goes_back_leaves_no_version() -> None:
    assert told("undone", a_release(first=True)) == (
        "v2 has ended after 1 min 1 s; the service has no version now.",
        "v2 在 1 min 1 s 后结束;该服务目前没有版本。",
    )
