"""Domain values of a service: plan, run, checks, and the digest of a version."""

from pathlib import Path

import pytest

from turnout.domain.checks import GoldenRule, Scorer
from turnout.domain.release import OnTrouble, Step, Strategy
from turnout.domain.route import Repeatable
from turnout.domain.version import Endpoint, Restart
from turnout.entrypoints.release_file import load
from turnout.entrypoints.release_file.domain_values import Wanted, to_domain
from turnout.errors import BadInputError
from turnout.statistics.settings import Amount, Unit

FULL = """\
turnout: 1
project: shop
environments: {production: }
services:
  guard:
    artifact: {source: models/$version, signature: {keys: [release.pub]}, max_size: 1GiB}
    run:
      command: python serve.py --model $artifact --port $port
      folder: app
      env: {LOG_LEVEL: info}
      secrets: {API_KEY: env:API_KEY}
      config: {guard: guard.env}
      replicas: {min: 4, candidate: 2}
      ready: {http: /health, completion: ready.json, passes: 3, every: 2s, within: 1m}
      restart: on-failure
    route: {listen: 8000, host: Guard.Test, testers: "header:X-Turnout: env:KEY", timeout: 5s,
            repeatable: none}
    verify:
      golden:
        levels: {file: rows.jsonl, request: template.json, scorer: label, labels: [a, b],
                 slices: kind, figures: {accuracy: {min: 90%, worse_by: 0.5pp}}}
    warm: {requests: rows.jsonl, within: 1m}
    shift: {steps: [5%, {weight: 100%, hold: 1h}], hold: 30m}
    watch:
      false_alarms: 0.5%
      floor: 1ms
      figures: {errors: {max: 1%, worse_by: 1.1x}, latency.p99: {max: 1s, worse_by: 20ms}}
      breakage: {crashes: 2, errors: 30%, health: 5}
      on_worse: pause
      on_undecided: rollback
      patience: 2h
    bake: 1h
    retire: {drain: 2m}
"""
SMALL = "turnout: 1\nservices:\n  guard: {run: serve $port, route: 8000}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    rows = '{"label": "a", "kind": "x"}\n'
    for name, text in (
        *(("rows.jsonl", rows), ("template.json", "{}"), ("ready.json", '{"model": "m"}')),
        *(("guard.env", "A=b\n"), ("release.pub", "key")),
    ):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def wanted(folder: Path, text: str = FULL, version: str = "v1.1") -> Wanted:
    (folder / "turnout.yaml").write_text(text, "utf-8")
    return to_domain(load(folder / "turnout.yaml"), "guard", version)


def test_a_full_section_becomes_a_plan(folder: Path) -> None:
    plan = wanted(folder).plan
    assert plan.steps == (
        Step(weight_bp=500, hold_s=1800.0),
        Step(weight_bp=10_000, hold_s=3600.0),
    )
    assert (plan.strategy, plan.replicas, plan.first, plan.room) == (Strategy.CANARY, 4, 2, 8)
    assert (plan.on_worse, plan.on_undecided) == (OnTrouble.PAUSE, OnTrouble.ROLLBACK)
    assert (plan.patience_s, plan.bake_s, plan.drain_s) == (7200.0, 3600.0, 120.0)
    assert (plan.start_within_s, plan.warm_within_s) == (60.0, 60.0)
    broken = plan.breakage
    assert (broken.crashes, broken.failed_probes, broken.errors_ratio) == (2, 5, 0.3)


def test_a_full_section_becomes_a_route(folder: Path) -> None:
    route = wanted(folder).plan.route
    assert route.listen == Endpoint("127.0.0.1", 8000)
    assert route.hosts == ("guard.test",)
    assert route.tester == ("x-turnout", "env:KEY")
    assert (route.timeout_s, route.repeatable) == (5.0, Repeatable.NONE)


def test_a_full_section_becomes_what_the_judge_asks(folder: Path) -> None:
    judge = wanted(folder).plan.judge
    assert (judge.false_alarms, judge.floor_ms, judge.timeout_s) == (0.005, 1.0, 5.0)
    assert judge.breakage_errors == 0.3
    rules = {rule.name: rule for rule in judge.figures}
    assert rules["errors"].max == Amount(1.0, Unit.PERCENT)
    assert rules["errors"].worse_by == Amount(1.1, Unit.RATIO)
    assert rules["latency.p99"].max == Amount(1000.0, Unit.MS)
    assert rules["latency.p99"].worse_by == Amount(20.0, Unit.MS)
    assert set(rules) == {"errors", "stream_errors", "latency.p99", "ttft.p99"}


def test_a_full_section_becomes_checks_before_traffic(folder: Path) -> None:
    checks = wanted(folder).plan.checks
    assert checks.artifact is not None
    assert checks.artifact.source == str(folder / "models" / "v1.1")
    assert checks.artifact.keys == (str(folder / "release.pub"),)
    assert checks.artifact.signature_required
    assert checks.artifact.max_size_bytes == 2**30
    [golden] = checks.golden
    assert (golden.name, golden.scorer, golden.slices) == ("levels", Scorer.LABEL, "kind")
    assert golden.rules == (GoldenRule(figure="accuracy", min=0.9, worse_by=0.005),)
    assert (golden.file, golden.concurrency) == (str(folder / "rows.jsonl"), 16)
    assert checks.warm is not None
    assert checks.warm.requests == str(folder / "rows.jsonl")


def test_a_full_section_becomes_how_an_instance_is_started(folder: Path) -> None:
    run = wanted(folder).run
    assert run.command[-4:] == ("--model", "$artifact", "--port", "$port")
    assert run.folder == str(folder / "app")
    assert run.secrets == (("API_KEY", "env:API_KEY"),)
    assert run.config[0][0] == "guard"
    assert run.config[0][1].startswith("sha256:")
    assert (run.ready.http, run.ready.completion) == ("/health", '{"model": "m"}')
    assert (run.ready.passes, run.ready.every_s, run.restart) == (3, 2.0, Restart.ON_FAILURE)


def test_the_smallest_section_has_the_defaults_of_a_newcomer(folder: Path) -> None:
    made = wanted(folder, SMALL)
    assert [step.weight_bp for step in made.plan.steps] == [1000, 5000, 10_000]
    assert {step.hold_s for step in made.plan.steps} == {10.0}
    assert (made.plan.patience_s, made.plan.bake_s, made.plan.drain_s) == (600.0, 600.0, 30.0)
    assert {rule.worse_by for rule in made.plan.judge.figures} == {
        Amount(2.0, Unit.POINTS),
        Amount(20.0, Unit.PERCENT),
    }
    assert made.plan.checks.artifact is None
    assert made.plan.checks.warm is None


def test_a_switch_has_one_step_with_its_hold(folder: Path) -> None:
    text = SMALL.replace("8000}", "8000, shift: {strategy: blue-green, hold: 1m}}")
    assert wanted(folder, text).plan.steps == (Step(weight_bp=10_000, hold_s=60.0),)


@pytest.mark.parametrize(
    ("change", "other"),
    [
        (("LOG_LEVEL: info", "LOG_LEVEL: debug"), "environment"),
        (("command: python", "command: pypy"), "command"),
        (("API_KEY: env:API_KEY", "API_KEY: env:OTHER"), "secret"),
        (("passes: 3", "passes: 4"), "ready"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_is_run_differently_is_another_version(
    change: tuple[str, str], other: str, folder: Path
) -> None:
    assert other
    before = wanted(folder).version("sha256:a").digest
    assert wanted(folder, FULL.replace(*change)).version("sha256:a").digest != before


def test_a_changed_configuration_is_another_version(folder: Path) -> None:
    before = wanted(folder).version("sha256:a").digest
    (folder / "guard.env").write_text("A=c\n", "utf-8")
    assert wanted(folder).version("sha256:a").digest != before


def test_the_name_of_a_version_counts_only_without_an_artifact(folder: Path) -> None:
    first, second = wanted(folder), wanted(folder, version="v1.2")
    assert first.version("sha256:a").digest == second.version("sha256:a").digest
    assert first.version("sha256:a").digest != first.version("sha256:b").digest
    plain, later = wanted(folder, SMALL), wanted(folder, SMALL, version="v1.2")
    assert plain.version(None).digest != later.version(None).digest


def test_the_same_file_in_another_folder_is_the_same_version(folder: Path) -> None:
    other = folder / "copy"
    other.mkdir()
    assert wanted(folder, SMALL).version(None) != wanted(other, SMALL).version(None)
    assert wanted(folder, SMALL).version(None).digest == wanted(other, SMALL).version(None).digest


@pytest.mark.parametrize("name", ["", "../v1", "a/b", "v1..2", "-v", "a b", "v" * 200])
def test_a_name_that_could_leave_its_folder_is_no_version(name: str, folder: Path) -> None:
    with pytest.raises(BadInputError, match="not the name of a version"):
        wanted(folder, version=name)


def test_an_unknown_service_is_refused_with_what_was_meant(folder: Path) -> None:
    (folder / "turnout.yaml").write_text(SMALL, "utf-8")
    with pytest.raises(BadInputError, match="did you mean `guard`"):
        to_domain(load(folder / "turnout.yaml"), "gard", "v1")


def test_a_file_with_mistakes_gives_no_values_but_their_text(folder: Path) -> None:
    (folder / "turnout.yaml").write_text(SMALL.replace("8000", "port"), "utf-8")
    with pytest.raises(BadInputError, match="T105"):
        to_domain(load(folder / "turnout.yaml"), "guard", "v1")


def test_one_of_several_environments_has_to_be_named(folder: Path) -> None:
    text = SMALL.replace("services", "environments: {a: , b: }\nservices")
    (folder / "turnout.yaml").write_text(text, "utf-8")
    loaded = load(folder / "turnout.yaml")
    with pytest.raises(BadInputError, match="a, b"):
        to_domain(loaded, "guard", "v1")
    assert to_domain(loaded, "guard", "v1", "b").environment == "b"
    with pytest.raises(BadInputError, match="environment `c` does not exist"):
        to_domain(loaded, "guard", "v1", "c")


def test_a_file_that_went_away_is_bad_input(folder: Path) -> None:
    (folder / "turnout.yaml").write_text(FULL, "utf-8")
    loaded = load(folder / "turnout.yaml")
    (folder / "guard.env").unlink()
    with pytest.raises(BadInputError, match=r"guard\.env"):
        to_domain(loaded, "guard", "v1")
