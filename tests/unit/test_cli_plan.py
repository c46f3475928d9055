"""`turnout plan`: what a release would do, before it happens."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.api_stage import run_program
from turnout.domain.checks import ArtifactRules, Checks, WarmUp
from turnout.domain.release import Plan, Step, Strategy
from turnout.domain.version import Ready, Version
from turnout.entrypoints.cli.forecasting import Forecast, Now
from turnout.entrypoints.cli.plan_text import plan_json, plan_text
from turnout.statistics.plan import Need
from turnout.testing.world import GOLDEN, a_plan, a_version

NOW = Now(stable="v1", digest="sha256:v1", stable_set="shop-r1")
NEEDS = (
    Need(name="errors", requests=200.0, age_s=1.0),
    Need(name="latency.p90", requests=90.0, age_s=2.0),
)


def a_forecast(
    plan: Plan | None = None,
    *,
    version: Version | None = None,
    now: Now = NOW,
    needs: tuple[Need, ...] = NEEDS,
    rate_rps: float | None = 100.0,
) -> Forecast:
    plan = plan or a_plan()
    steps = [needs if step.weight_bp < 10_000 else () for step in plan.steps]
    return Forecast(
        service="shop",
        environment="local",
        version=version or a_version("v2"),
        plan=plan,
        now=now,
        needs=tuple(steps),
        rate_rps=rate_rps,
        warnings=("W301 short",),
    )


def test_every_step_is_told_before_it_happens() -> None:
    text = plan_text(a_forecast())
    assert text.startswith("shop: v1 -> v2 in local\n")
    assert all(f"step {n}" in text for n in (1, 2, 3))
    assert "Nothing was changed. Do it: turnout release shop v2" in text


def test_the_requests_that_a_step_needs_are_told_with_their_time() -> None:
    text = plan_text(a_forecast())
    assert "needs about 200 requests at v2" in text
    assert "(errors 200, latency.p90 90)" in text
    assert "at the traffic now" in text


def test_without_traffic_the_needs_are_not_known() -> None:
    text = plan_text(a_forecast(needs=(), rate_rps=None))
    assert "how many requests that needs is not known" in text


def test_a_margin_that_is_out_of_reach_is_endless() -> None:
    endless = (Need(name="errors", requests=float("inf"), age_s=1.0),)
    assert "needs about endless requests" in plan_text(a_forecast(needs=endless))
    assert plan_json(a_forecast(needs=endless))["steps"]
    assert "Infinity" not in json.dumps(plan_json(a_forecast(needs=endless)))


def test_the_last_step_compares_nothing() -> None:
    assert "no stable traffic is left to compare with" in plan_text(a_forecast())


def test_a_switch_is_judged_by_limits_and_breakage_alone() -> None:
    whole = Step(weight_bp=10_000, hold_s=10.0)
    plan = replace(a_plan(), strategy=Strategy.BLUE_GREEN, steps=(whole,))
    text = plan_text(a_forecast(plan))
    assert "the switch will be judged by limits and breakage alone" in text


def test_the_first_release_has_one_step_and_says_so() -> None:
    text = plan_text(a_forecast(now=Now()))
    assert "the first release: nothing to compare with" in text
    assert "step 2" not in text
    assert "retire" not in text


def test_a_release_of_the_stable_version_has_nothing_to_do() -> None:
    text = plan_text(a_forecast(version=a_version("v1")))
    assert "nothing to do" in text
    assert plan_json(a_forecast(version=a_version("v1")))["to_do"] is False


def test_ending_a_bake_gives_up_the_instant_way_back() -> None:
    now = replace(NOW, active="shop-2", active_phase="baking", previous="v0")
    assert "gives up the instant way back to v0" in plan_text(a_forecast(now=now))


def test_a_release_in_the_way_is_told_with_both_ways_out() -> None:
    now = replace(NOW, active="shop-2", active_phase="watching")
    text = plan_text(a_forecast(now=now))
    assert "shop-2 is watching; `--after` waits for it, `--replace` undoes it" in text


@pytest.mark.parametrize(
    ("ready", "known", "told"),
    [
        (Ready(http="/live"), None, "GET /live; 2 times"),
        (Ready(), None, "the first of /health, /healthz, /"),
        (Ready(), "/healthz", "GET /healthz, found at the first start"),
        (Ready(), "tcp", "a TCP connection, found at the first start"),
        (Ready(http="/live", completion="{}"), None, "GET /live, and one chat completion"),
    ],
    ids=["named", "unknown", "found", "tcp", "completion"],
)
def test_the_plan_says_when_an_instance_is_ready(
    ready: Ready, known: str | None, told: str
) -> None:
    version = a_version("v2")
    asked = replace(version, run=replace(version.run, ready=ready))
    text = plan_text(a_forecast(version=asked, now=replace(NOW, health_path=known)))
    assert told in text


def test_checks_before_traffic_are_listed() -> None:
    rules = ArtifactRules(source="m", keys=("/k/release.pub",), signature_required=True)
    checks = Checks(artifact=rules, golden=(GOLDEN,), warm=WarmUp())
    text = plan_text(a_forecast(a_plan(checks=checks)))
    assert "must be signed by release.pub" in text
    assert "golden set levels: accuracy at least 90 %" in text
    assert "warm" in text


def test_what_is_not_asked_for_is_said_too() -> None:
    text = plan_text(a_forecast(a_plan(checks=Checks(artifact=ArtifactRules(source="m")))))
    assert "no signature asked for" in text
    assert "verify     nothing" in text


def test_a_step_lasts_as_long_as_its_slowest_figure() -> None:
    forecast = a_forecast(a_plan(hold_s=1.0))
    assert (forecast.seconds_of(0) or 0) > (forecast.seconds_of(1) or 0) > 1.0
    assert forecast.seconds_of(2) == 1.0


# --- the command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "v1").mkdir(parents=True)
    (tmp_path / "models" / "v1" / "words.txt").write_text("hello", encoding="utf-8")
    text = (
        "turnout: 1\nservices:\n  shop:\n    artifact: models/$version\n"
        "    run: serve --port $port\n    route: 8000\n"
        "    watch: {patience: 5s}\n"
    )
    (tmp_path / "turnout.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_plan_changes_nothing_at_all(here: Path) -> None:
    before = sorted(here.rglob("*"))
    done = run_program("plan", "shop", "v1")
    assert done.exit_code == 0
    assert "artifact   sha256:" in done.stdout
    assert sorted(here.rglob("*")) == before


def test_warnings_of_the_file_are_part_of_a_plan(here: Path) -> None:
    assert "warning[W306]" in run_program("plan", "shop", "v1").stderr
    told = json.loads(run_program("plan", "shop", "v1", "--json").stdout)
    assert told["warnings"][0].startswith("W306")
    assert here.is_dir()


def test_the_only_service_need_not_be_named(here: Path) -> None:
    assert run_program("plan", "v1").stdout.startswith("shop: - -> v1")
    assert here.is_dir()


def test_something_to_do_is_an_exit_code_when_asked_for(here: Path) -> None:
    assert run_program("plan", "shop", "v1", "--exit-code").exit_code == 10
    assert here.is_dir()


def test_a_plan_without_a_version_is_bad_input(here: Path) -> None:
    assert run_program("plan", "shop").exit_code == 2
    assert here.is_dir()


def test_an_artifact_that_is_not_there_is_bad_input(here: Path) -> None:
    done = run_program("plan", "shop", "v9")
    assert done.exit_code == 2
    assert "v9" in str(done.exception)
    assert here.is_dir()


def test_the_merged_file_shows_where_each_value_comes_from(here: Path) -> None:
    text = run_program("plan", "--resolved").stdout
    assert "turnout.yaml:" in text
    assert "# default" in text
    assert here.is_dir()
