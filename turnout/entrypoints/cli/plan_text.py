"""A plan as text and as JSON."""

import math
from collections.abc import Iterator

from turnout.domain import amounts
from turnout.domain.release import Step, Strategy
from turnout.domain.route import WHOLE_BP
from turnout.domain.version import RunSpec
from turnout.entrypoints.cli.forecasting import Forecast
from turnout.statistics.plan import Need
from turnout.statistics.settings import Amount, FigureRule

_NAME_WIDTH = 11


def plan_text(forecast: Forecast) -> str:
    """Write a plan for people."""
    now, version = forecast.now, forecast.version
    head = f"{forecast.service}: {now.stable or '-'} -> {version.name} in {forecast.environment}"
    if forecast.is_done:
        return f"{head}\n\n{forecast.service} serves {version.name} already; nothing to do."
    rows = [f"  {name:<{_NAME_WIDTH}}{text}" for name, text in _rows(forecast)]
    end = f"turnout release {forecast.service} {version.name}"
    return "\n".join([head, "", *rows, "", f"Nothing was changed. Do it: {end}"])


def plan_json(forecast: Forecast) -> dict[str, object]:
    """Write a plan for machines; weights and shares are 0 to 1."""
    plan, now, version = forecast.plan, forecast.now, forecast.version
    return {
        "service": forecast.service,
        "environment": forecast.environment,
        "version": version.name,
        "digest": version.digest,
        "artifact_digest": version.artifact_digest,
        "stable": now.stable,
        "active": now.active,
        "to_do": not forecast.is_done,
        "first": now.stable is None,
        "steps": [_step_json(forecast, at) for at in range(len(_steps(forecast)))],
        "bake_s": plan.bake_s,
        "drain_s": plan.drain_s,
        "rate_rps": forecast.rate_rps,
        "warnings": list(forecast.warnings),
    }


def _steps(forecast: Forecast) -> tuple[Step, ...]:
    steps = forecast.plan.steps
    return steps[-1:] if forecast.now.stable is None else steps


def _rows(forecast: Forecast) -> Iterator[tuple[str, str]]:
    plan = forecast.plan
    yield from _way(forecast)
    yield from _artifact(forecast)
    yield "start", _start(forecast)
    yield "ready", _ready(forecast.version.run, forecast.now.health_path)
    listen = plan.route.listen
    hosts = f" for {', '.join(plan.route.hosts)}" if plan.route.hosts else ""
    yield "route", f"http://{listen.host}:{listen.port}{hosts}"
    yield from _checks(forecast)
    for at, step in enumerate(_steps(forecast), 1):
        yield f"step {at}", _step(forecast, at - 1, step)
    yield from _end(forecast)


def _way(forecast: Forecast) -> Iterator[tuple[str, str]]:
    now = forecast.now
    if now.stable is None:
        yield "first", "the first release: nothing to compare with; limits and breakage decide"
    if now.active is None:
        return
    if now.active_phase == "baking":
        yield (
            "bake",
            f"ends the bake of {now.active}: gives up the instant way back to {now.previous}",
        )
    else:
        text = f"{now.active} is {now.active_phase}; `--after` waits for it, `--replace` undoes it"
        yield "in the way", text


def _artifact(forecast: Forecast) -> Iterator[tuple[str, str]]:
    rules = forecast.plan.checks.artifact
    if rules is None or forecast.version.artifact_digest is None:
        yield "version", f"{_short(forecast.version.digest)}, no artifact: run and config make it"
        return
    keys = ", ".join(key.rpartition("/")[2] for key in rules.keys)
    signed = f"must be signed by {keys}" if rules.signature_required else "no signature asked for"
    yield "artifact", f"{_short(forecast.version.artifact_digest)}  {signed}"


def _start(forecast: Forecast) -> str:
    plan = forecast.plan
    first = max(plan.first, plan.need(plan.steps[0].weight_bp))
    beside = f"beside {plan.replicas} of {forecast.now.stable}" if forecast.now.stable else "alone"
    return f"{first} of {plan.replicas} instances {beside}, each on a free port"


def _ready(run: RunSpec, known: str | None) -> str:
    ready = run.ready
    if ready.http is not None:
        probe = f"GET {ready.http}"
    elif known is not None:
        probe = "a TCP connection" if known == "tcp" else f"GET {known}"
        probe += ", found at the first start"
    else:
        probe = "the first of /health, /healthz, / that answers 200, else a TCP connection"
    more = ", and one chat completion" if ready.completion else ""
    return f"{probe}{more}; {ready.passes} times in a row, within {_time(ready.within_s)}"


def _checks(forecast: Forecast) -> Iterator[tuple[str, str]]:
    checks = forecast.plan.checks
    for golden in checks.golden:
        limits = ", ".join(
            f"{rule.figure} at least {amounts.share(rule.min)}"
            for rule in golden.rules
            if rule.min is not None
        )
        yield "verify", f"golden set {golden.name}" + (f": {limits}" if limits else "")
    if not checks.golden:
        yield "verify", "nothing"
    if checks.warm is not None:
        yield "warm", f"until its latency is steady, at most {_time(checks.warm.within_s)}"


def _step(forecast: Forecast, at: int, step: Step) -> str:
    hold = f"{amounts.weight(step.weight_bp)} for at least {_time(step.hold_s)}"
    if step.weight_bp == WHOLE_BP:
        return f"{hold}: {_whole(forecast)}"
    asked = ", ".join(map(_figure, forecast.plan.judge.figures))
    text = f'{hold}, until "not worse" on {asked}'
    return f"{text};\n{' ' * (_NAME_WIDTH + 2)}{_needed(forecast, at)}"


def _whole(forecast: Forecast) -> str:
    if forecast.now.stable is None:
        return "passes without breakage or a broken limit, with or without users"
    if forecast.plan.strategy is Strategy.BLUE_GREEN:
        return "the switch will be judged by limits and breakage alone"
    return "by limits and breakage alone, since no stable traffic is left to compare with"


def _needed(forecast: Forecast, at: int) -> str:
    needs = forecast.needs[at]
    if not needs:
        return "how many requests that needs is not known: too few came in the last 10 minutes"
    most = max(needs, key=lambda need: -1.0 if need.requests is None else need.requests)
    listed = ", ".join(f"{need.name} {_requests(need)}" for need in needs)
    seconds_s = forecast.seconds_of(at)
    length = "" if seconds_s is None else f", {_time(seconds_s)} at the traffic now"
    version = forecast.version.name
    return f"needs about {_requests(most)} requests at {version}{length} ({listed})"


def _requests(need: Need) -> str:
    if need.requests is None:
        return "?"
    return amounts.count(math.ceil(need.requests)) if math.isfinite(need.requests) else "endless"


def _end(forecast: Forecast) -> Iterator[tuple[str, str]]:
    plan, stable = forecast.plan, forecast.now.stable
    undecided = "pauses" if plan.on_undecided == "pause" else "rolls back"
    if stable is None:
        return
    yield "patience", f"a step that stays undecided for {_time(plan.patience_s)} {undecided}"
    yield "bake", f"{_time(plan.bake_s)} with {stable} warm; way back at once"
    yield "retire", f"{stable} after its streams end, at most {_time(plan.drain_s)}"


def _figure(rule: FigureRule) -> str:
    parts = []
    if rule.worse_by is not None:
        parts.append(f"worse by {_amount(rule.worse_by)}")
    if rule.max is not None:
        parts.append(f"at most {_amount(rule.max)}")
    return f"{rule.name} ({', '.join(parts)})" if parts else rule.name


def _amount(amount: Amount) -> str:
    return f"{amounts.number(amount.value)} {amount.unit}"


def _step_json(forecast: Forecast, at: int) -> dict[str, object]:
    steps = _steps(forecast)
    offset = len(forecast.plan.steps) - len(steps)
    needs = forecast.needs[at + offset]
    return {
        "weight": steps[at].weight_bp / WHOLE_BP,
        "hold_s": steps[at].hold_s,
        "seconds_s": _finite(forecast.seconds_of(at + offset)),
        "needs": [{"figure": one.name, "requests": _finite(one.requests)} for one in needs],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _short(digest: str) -> str:
    return f"{digest[:15]}…"


def _time(seconds_s: float) -> str:
    return amounts.duration(seconds_s) if math.isfinite(seconds_s) else "for ever"
