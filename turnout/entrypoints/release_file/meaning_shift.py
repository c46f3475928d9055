"""Rules about steps, holds and what is left unseen: T201, T202, W301 to W306."""

from collections.abc import Iterator
from itertools import pairwise

from turnout.entrypoints.release_file.nodes import BUILT_IN, items_at, text_at
from turnout.entrypoints.release_file.scene import ServiceScene, Wrong
from turnout.entrypoints.release_file.units import (
    duration,
    parsed,
    shown_duration,
    shown_weight,
    weight,
)

_STEPS = ("shift", "steps")
_WHOLE_BP = 10_000
_REFERENCE_HOLD_S = 1800.0
_LEAST_DEADLINE_S = 1.0
_REFERENCES = ("env:", "file:", "k8s:", "command:")


def steps_grow(service: ServiceScene) -> Iterator[Wrong]:
    """Ask that weights only grow (T201)."""
    weights = _weights(service)
    if weights and weights[0] == 0:
        text = "step 1 (0%) sends nobody to the candidate"
        yield Wrong("T201", text, (*_STEPS, 0), "weights begin above 0%")
    for index, (before, after) in enumerate(pairwise(weights), start=1):
        if before is not None and after is not None and after <= before:
            step, last = shown_weight(after), shown_weight(before)
            text = f"step {index + 1} ({step}) is not larger than step {index} ({last})"
            note = "weights only grow within one release"
            yield Wrong("T201", text, (*_STEPS, index), note)


def steps_end_whole(service: ServiceScene) -> Iterator[Wrong]:
    """Ask that the last step is everything, and that a switch has no other (T202)."""
    weights = _weights(service)
    if service.text("shift", "strategy") == "blue-green" and len(weights) > 1:
        text = "`blue-green` switches in one step"
        fix = "remove `steps`, or write `strategy: canary`"
        yield Wrong("T202", text, _STEPS, fix=fix, of_key=True)
        return
    if weights and weights[-1] is not None and weights[-1] != _WHOLE_BP:
        last = (*_STEPS, len(weights) - 1)
        yield Wrong("T202", "the last step must be 100%", last, fix="add `100%` at the end")


def hold_is_long_enough(service: ServiceScene) -> Iterator[Wrong]:
    """Warn of short holds where the last users are (W301)."""
    hold_s = parsed(duration, service.text("shift", "hold"))
    strategy = service.text("shift", "strategy") or "canary"
    scene = service.scene
    is_judged = strategy == "canary" and service.find("route") is not None
    if scene.is_local or not scene.is_last or not is_judged or hold_s is None:
        return
    if hold_s < _REFERENCE_HOLD_S:
        text = (
            f"{scene.environment} steps hold {shown_duration(hold_s)}; "
            f"the reference is {shown_duration(_REFERENCE_HOLD_S)}"
        )
        yield Wrong("W301", text, ("shift", "hold"))


def drain_is_long_enough(service: ServiceScene) -> Iterator[Wrong]:
    """Warn of streams that would be cut (W302)."""
    drain_s = parsed(duration, service.text("retire", "drain"))
    longest_s = parsed(duration, service.text("route", "stream_max"))
    if drain_s is not None and longest_s is not None and drain_s < longest_s:
        text = (
            f"`drain: {shown_duration(drain_s)}` is shorter than "
            f"`stream_max: {shown_duration(longest_s)}`; streams would be cut"
        )
        path = ("retire", "drain")
        found = service.find(*path)
        is_built_in = found is not None and found.place == BUILT_IN
        yield Wrong("W302", text, ("route", "stream_max") if is_built_in else path)


def streams_are_watched(service: ServiceScene) -> Iterator[Wrong]:
    """Warn of a streaming service whose token errors nobody sees (W303)."""
    streams = service.text("route", "stream_max") or service.text("run", "ready", "completion")
    if streams and "stream_errors" not in service.group("watch", "figures").entries:
        text = "nothing in `watch` sees token errors of a streaming service"
        fix = "add `stream_errors: {worse_by: 0.5pp}` to `watch.figures`"
        yield Wrong("W303", text, ("watch", "figures"), fix=fix, of_key=True)


def tester_is_secret(service: ServiceScene) -> Iterator[Wrong]:
    """Warn of a tester's word that anybody may guess (W304)."""
    text = service.text("route", "testers")
    if text is None or service.scene.is_local or not service.scene.is_last:
        return
    value = text.rpartition(": ")[2]
    if not value.startswith(_REFERENCES):
        said = "`testers` has a literal value; anybody who guesses it meets the candidate"
        yield Wrong("W304", said, ("route", "testers"), "`env:NAME`")


def patience_is_long_enough(service: ServiceScene) -> Iterator[Wrong]:
    """Warn of a patience that ends before a step can be decided (W306)."""
    patience_s = parsed(duration, service.text("watch", "patience"))
    hold_s = parsed(duration, service.text("shift", "hold"))
    if patience_s is None or hold_s is None:
        return
    # The deadline of a figure is at least 1 s; `plan` says more once traffic is measured.
    needed_s = hold_s + 2 * _LEAST_DEADLINE_S
    if patience_s < needed_s:
        text = (
            f"`patience: {shown_duration(patience_s)}` is shorter than a step needs: "
            f"{shown_duration(needed_s)}"
        )
        fix = "a step that stays undecided so long pauses before it can pass"
        yield Wrong("W306", text, ("watch", "patience"), fix=fix)


def _weights(service: ServiceScene) -> list[int | None]:
    found: list[int | None] = []
    for step in items_at(service.node, *_STEPS):
        value = parsed(weight, text_at(step, "weight"))
        found.append(None if value is None else int(value))
    return found
