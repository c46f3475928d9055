"""Why a release stays at its step: time, the figures, nobody uses it, or nothing can be read."""

from dataclasses import replace

import pytest

from turnout.domain.release import Pause, Phase
from turnout.domain.sentence import Language, held_code, judgement_of, waiting_for
from turnout.statistics.judgement import Comparison, FigureView, Judgement, Verdict
from turnout.statistics.settings import Unit
from turnout.testing.world import a_figure, a_judged, a_judgement, a_look, a_release

ROW = a_release(weight_bp=1000, evidence_s=10.0)
TTFT = a_figure(
    "ttft.p99",
    verdict=Verdict.UNDECIDED,
    comparison=Comparison.RANKS,
    unit=Unit.MS,
    difference=0.056,
    low=-0.061,
    high=0.189,
    limit=0.1,
    candidate_n=1214,
    needed_requests=2114.4,
    log_e_gate=1.0,
)


def judged(*figures: FigureView, requests: int = 40) -> Judgement:
    return replace(a_judgement(requests_in_step=requests), figures=figures)


def told(judgement: Judgement | None) -> tuple[str, str]:
    return waiting_for(ROW, judgement), waiting_for(ROW, judgement, Language.ZH)


def test_a_step_whose_hold_is_not_over_says_how_long_it_is() -> None:
    row = replace(ROW, evidence_s=9.99)
    assert waiting_for(row, judged(TTFT)) == "Held at 10 %: the hold of 10 s is not over."
    assert waiting_for(row, judged(TTFT), Language.ZH) == ("停留在 10 %:停留时间 10 s 尚未结束。")


def test_an_undecided_figure_is_told_with_its_band_and_what_it_needs() -> None:
    english, chinese = told(judged(a_figure(), TTFT))
    assert english == (
        "Held at 10 %: ttft.p99 is undecided, +5.6 % [-6.1 %, +18.9 %] against a limit of +10 %;"
        " about 900 more requests are needed."
    )
    assert chinese == (
        "停留在 10 %:ttft.p99 尚无结论,+5.6 % [-6.1 %, +18.9 %],上限 +10 %;约需再有 900 次请求。"
    )


def test_nobody_there_is_told_with_the_one_command_that_goes_on() -> None:
    english, chinese = told(judged(requests=0))
    assert english == (
        "Held at 10 %: nobody uses the service: 0 requests in 10 s, so nothing can be judged."
        " To go on without evidence: `turnout promote shop --reason …`."
    )
    assert chinese == (
        "停留在 10 %:无人使用该服务,10 s 内 0 次请求,无从判断。"
        "若要在没有依据的情况下继续:`turnout promote shop --reason …`。"
    )


def test_what_cannot_be_read_is_told_as_neither_good_nor_bad() -> None:
    english, chinese = told(None)
    assert english == (
        "Held at 10 %: no evidence can be read."
        " Without evidence no step is taken and none is undone."
    )
    assert chinese == "停留在 10 %:无法读取依据。没有依据时既不前进也不回退。"


def test_the_figure_with_the_least_evidence_is_the_one_that_is_waited_for() -> None:
    later = replace(TTFT, name="latency.p90", log_e_gate=0.5)
    assert "latency.p90 is undecided" in told(judged(TTFT, later))[0]
    assert "latency.p90 is undecided" in told(judged(later, TTFT))[0]


def test_a_figure_without_a_forecast_just_needs_more() -> None:
    english, _ = told(judged(replace(TTFT, needed_requests=None)))
    assert english.endswith("; more requests are needed.")


@pytest.mark.parametrize(("needed", "n"), [(1214.0, "1"), (1000.0, "1"), (1216.6, "3")])
def test_at_least_one_request_more_is_needed(needed: float, n: str) -> None:
    english, _ = told(judged(replace(TTFT, needed_requests=needed)))
    assert english.endswith(f"; about {n} more requests are needed.")


def test_before_there_is_a_figure_the_data_are_not_enough() -> None:
    expected = "Held at 10 %: not enough data; more requests are needed."
    assert told(judged())[0] == expected
    assert told(judged(replace(TTFT, difference=None, needed_requests=None)))[0] == expected


# --- codes


@pytest.mark.parametrize("phase", Phase)
def test_only_a_release_at_a_step_is_held(phase: Phase) -> None:
    row = a_release(phase, weight_bp=1000, evidence_s=10.0)
    held = phase is Phase.WATCHING
    assert (held_code(row, judged()) != "") is held
    assert (waiting_for(row, judged()) != "") is held


def test_a_paused_release_is_not_said_to_be_held() -> None:
    row = replace(ROW, paused=Pause(code="paused.person", by="local:ana"))
    assert waiting_for(row, judged()) == ""


def test_a_first_release_is_never_said_to_be_unused() -> None:
    row = a_release(first=True, weight_bp=10_000, evidence_s=10.0)
    assert held_code(row, judged(requests=0)) == "held.undecided"


def test_a_blind_judge_is_told_before_the_hold() -> None:
    assert held_code(replace(ROW, evidence_s=0.0), None) == "held.blind"


def test_an_answer_about_another_step_or_weight_is_no_answer_here() -> None:
    judgement = judged()
    here = a_judged(ROW, judgement)
    assert judgement_of(ROW, a_look(ROW, judged=here)) is judgement
    assert judgement_of(ROW, a_look(ROW, judged=replace(here, step=1))) is None
    assert judgement_of(ROW, a_look(ROW, judged=replace(here, weight_bp=999))) is None
    assert judgement_of(ROW, a_look(ROW)) is None
