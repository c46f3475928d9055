"""Frozen values as JSON: any stored class comes back equal, and what does not fit is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from json import dumps, loads

import pytest

from turnout.domain.codec import Json, changes, from_json, to_json
from turnout.domain.decision import Decision
from turnout.domain.release import Outcome, Pause, Phase, Release
from turnout.domain.service import Request, Service, begin
from turnout.statistics.judgement import Comparison, FigureView, Verdict
from turnout.statistics.settings import Unit
from turnout.testing.contracts_store_steps import a_decision
from turnout.testing.world import START_S, a_plan, a_request, all_checks


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value."""

    amount: float
    colour: Colour = Colour.RED


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A value of every kind."""

    leaf: Leaf
    leaves: tuple[Leaf, ...] = ()
    pair: tuple[str, int] = ("a", 1)
    maybe: Leaf | None = None
    by_name: Mapping[str, Leaf] = field(default_factory=dict)
    by_colour: Mapping[Colour, int] = field(default_factory=dict)
    flag: bool = False
    below: "Tree | None" = None


FULL = Tree(
    leaf=Leaf(1.5),
    leaves=(Leaf(0.0), Leaf(float("inf"))),
    pair=("b", 2),
    maybe=Leaf(-1.0),
    by_name={"x": Leaf(2.0)},
    by_colour={Colour.RED: 3},
    flag=True,
    below=Tree(leaf=Leaf(7)),
)


def through_text(value: object) -> Json:
    text = dumps(to_json(value), allow_nan=False)
    return loads(text)  # type: ignore[no-any-return]  # json knows no types


def a_release() -> Release:
    service = Service(name="shop", project="shop", environment="local")
    request = replace(a_request(), plan=a_plan(500, 10_000, checks=all_checks()))
    return begin(service, request, START_S)


def a_told_decision() -> Decision:
    view = FigureView(
        name="latency.p99",
        verdict=Verdict.WORSE,
        comparison=Comparison.RANKS,
        unit=Unit.MS,
        stable_value=182.0,
        candidate_value=611.0,
        difference=2.36,
        low=1.21,
        high=float("inf"),
        limit=0.1,
        maximum=None,
        stable_n=400,
        candidate_n=412,
        stable_x=0,
        candidate_x=9,
        age_s=None,
        needed_requests=float("inf"),
        log_e=12.5,
        log_e_gate=-1.0,
    )
    old = a_release()
    return replace(a_decision(old, replace(old, edition=1)), figures=(view,))


@pytest.mark.parametrize("value", [FULL, Tree(leaf=Leaf(1.0))], ids=["full", "sparse"])
def test_a_value_of_every_kind_comes_back_equal(value: Tree) -> None:
    assert from_json(Tree, through_text(value)) == value


def test_a_release_comes_back_equal_in_every_field() -> None:
    release = replace(
        a_release(),
        phase=Phase.ROLLING_BACK,
        paused=Pause(code="paused.worse", by="turnout"),
        after=Phase.SHIFTING,
        outcome=Outcome.WORSE,
    )
    assert from_json(Release, through_text(release)) == release


def test_a_request_and_a_decision_come_back_equal() -> None:
    request, decision = a_request(), a_told_decision()
    assert from_json(Request, through_text(request)) == request
    assert from_json(Decision, through_text(decision)) == decision


def test_a_field_that_is_absent_has_its_default_and_a_foreign_one_is_left_out() -> None:
    assert from_json(Leaf, {"amount": 1, "weight": 9}) == Leaf(1.0)


@pytest.mark.parametrize(
    "json",
    [
        None,
        [],
        "x",
        {},
        {"amount": "many"},
        {"amount": True},
        {"amount": None},
        {"amount": 1.0, "colour": "blue"},
    ],
    ids=["null", "list", "text", "empty", "word", "bool", "no number", "no colour"],
)
def test_what_does_not_fit_is_refused(json: Json) -> None:
    with pytest.raises(ValueError, match="this is no Leaf: "):
        from_json(Leaf, json)


@pytest.mark.parametrize(
    "change",
    [{"pair": ["a"]}, {"pair": "ab"}, {"flag": 1}, {"leaves": {}}, {"by_name": []}],
    ids=["short", "text", "number", "object", "list"],
)
def test_a_part_that_does_not_fit_is_refused(change: dict[str, Json]) -> None:
    whole = through_text(FULL)
    assert isinstance(whole, dict)
    with pytest.raises(ValueError, match="this is no Tree: "):
        from_json(Tree, whole | change)


def test_what_no_stored_class_has_is_no_json() -> None:
    with pytest.raises(TypeError, match="set has no form"):
        to_json({"a"})
    with pytest.raises(TypeError, match="a key of a JSON object is text"):
        to_json({1: "a"})


def test_the_changes_of_a_value_are_told_before_and_after() -> None:
    old = a_release()
    new = replace(old, step=1, outcome=Outcome.ABORTED).with_arm(n=1)
    before, after = changes(old, new)
    assert (before["step"], after["step"]) == (0, 1)
    assert (before["outcome"], after["outcome"]) == (None, "aborted")
    assert set(after) == {"step", "outcome", "arms"}
    assert changes(old, replace(old)) == ({}, {})
