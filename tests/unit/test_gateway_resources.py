"""A route as Envoy's resources: what is in them, and what is refused before they are made."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseError

from turnout.domain.route import Observed, Repeatable, Route, Target
from turnout.domain.version import Endpoint
from turnout.errors import RouteRefusedError
from turnout.gateway.bootstrap import bootstrap, node_of
from turnout.gateway.checks import check
from turnout.gateway.clusters import clusters_of
from turnout.gateway.listener import listener_of
from turnout.gateway.making import Making
from turnout.gateway.messages import CLUSTER, KINDS, resource
from turnout.gateway.references import value_of
from turnout.gateway.resources import resources_of
from turnout.gateway.tables import scopes_of, table_of
from turnout.testing.contracts_router import a_route

LOG = Path("/run/turnout/log/000001.tsv")
SPLIT = a_route(2500)


def routes_of(route: Route, secret: str | None = None) -> list[dict[str, object]]:
    described = json.loads(json.dumps(table_of(route, secret)))
    return list(described["virtual_hosts"][0]["routes"])


def test_a_candidate_has_its_own_cluster_and_one_that_falls_back() -> None:
    made = clusters_of(SPLIT)
    assert list(made) == ["shop.r2.own", "shop.r2", "shop.r1.own"]
    joined = json.dumps(made["shop.r2"])
    assert joined.index("shop.r2.own") < joined.index("shop.r1.own")


def test_a_sole_version_has_no_joined_cluster() -> None:
    sole = replace(SPLIT, targets=SPLIT.targets[:1], fallback=False)
    assert list(clusters_of(sole)) == ["shop.r2.own"]
    assert list(clusters_of(replace(SPLIT, fallback=False))) == ["shop.r2.own", "shop.r1.own"]


def test_only_the_candidate_is_health_checked() -> None:
    made = clusters_of(SPLIT)
    assert '"path": "/health"' in json.dumps(made["shop.r2.own"])
    assert "health_checks" not in made["shop.r1.own"]


def test_without_a_path_the_health_check_connects() -> None:
    seen = {"shop-r2": Observed(endpoints=(Endpoint("127.0.0.1", 9002),))}
    made = json.dumps(clusters_of(replace(SPLIT, observed=seen))["shop.r2.own"])
    assert "tcp_health_check" in made
    assert "http_health_check" not in made


def test_endpoints_bear_version_and_set() -> None:
    made = json.dumps(clusters_of(SPLIT)["shop.r2.own"])
    assert '{"turnout": {"version": "v2", "set": "shop-r2"}}' in made


def test_the_candidate_stands_first_with_its_weight() -> None:
    turned = replace(SPLIT, targets=SPLIT.targets[::-1])
    for route in (SPLIT, turned):
        text = json.dumps(routes_of(route)[-1])
        first, second = text.index('{"name": "shop.r2"'), text.index('{"name": "shop.r1.own"')
        assert first < second
        assert '"weight": 2500' in text


def test_the_salt_is_part_of_what_is_hashed() -> None:
    assert "r2:\\\\1" in json.dumps(routes_of(SPLIT))


@pytest.mark.parametrize(
    ("repeatable", "retries"),
    [
        (Repeatable.NONE, [False]),
        (Repeatable.GET, [True, False]),
        (Repeatable.ALL, [True]),
    ],
)
def test_begun_requests_are_repeated_where_that_is_declared(
    repeatable: Repeatable, retries: list[bool]
) -> None:
    route = replace(SPLIT, settings=replace(SPLIT.settings, repeatable=repeatable))
    texts = [json.dumps(one) for one in routes_of(route)]
    assert ["before-request,reset" in text for text in texts] == retries


def test_testers_need_a_secret_and_a_candidate() -> None:
    route = replace(SPLIT, settings=replace(SPLIT.settings, tester=("x-tester", "env:A")))
    assert routes_of(route, "s3cret")[0]["name"] == "shop.tester"
    assert "shop.tester" not in json.dumps(routes_of(route))
    alone = replace(route, targets=a_route(None).targets)
    assert "shop.tester" not in json.dumps(routes_of(alone, "s3cret"))


def test_the_longest_silence_is_the_routes_own() -> None:
    route = replace(SPLIT, settings=replace(SPLIT.settings, timeout_s=1.5))
    for one in routes_of(route):
        assert '"timeout": "0s", "idle_timeout": "1.500s"' in json.dumps(one)


def test_a_service_without_targets_is_closed() -> None:
    (only,) = routes_of(replace(SPLIT, targets=()))
    text = json.dumps(only)
    assert '"status": 503' in text
    assert '"retry-after"' in text


def test_each_host_leads_to_the_table() -> None:
    hosts = ("shop.test", "localhost")
    route = replace(SPLIT, settings=replace(SPLIT.settings, hosts=hosts))
    assert list(scopes_of(route)) == list(hosts)
    assert "scoped_routes" in json.dumps(listener_of(route, LOG))
    assert '"route_config_name": "shop"' in json.dumps(listener_of(SPLIT, LOG))


def test_all_kinds_are_made_and_the_same_route_is_the_same_bytes() -> None:
    made = resources_of(SPLIT, None, LOG)
    assert set(made.by_kind()) == set(KINDS)
    assert resources_of(SPLIT, None, LOG) == made
    heavier = resources_of(a_route(2501), None, LOG)
    assert heavier.clusters == made.clusters
    assert heavier.listener == made.listener
    assert heavier.table != made.table


def test_a_misspelt_field_is_noticed() -> None:
    with pytest.raises(ParseError):
        resource(CLUSTER, {"name": "a", "conect_timeout": "1s"})


def changed(**parts: object) -> Route:
    return replace(SPLIT, **parts)  # type: ignore[arg-type]  # by name


def with_settings(**parts: object) -> Route:
    return replace(SPLIT, settings=replace(SPLIT.settings, **parts))  # type: ignore[arg-type]  # by name


def target(set_name: str, weight_bp: int, *, candidate: bool = False) -> Target:
    return Target(set_name=set_name, version="v", weight_bp=weight_bp, candidate=candidate)


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (changed(service="Shop"), "lower-case"),
        (changed(service="shop.x"), "lower-case"),
        (with_settings(hosts=("SHOP.test",)), "host name"),
        (with_settings(hosts=("shop.test.",)), "host name"),
        (with_settings(hosts=("shop.test:80",)), "host name"),
        (with_settings(hosts=("*.test",)), "host name"),
        (with_settings(tester=("X Tester", "v")), "header"),
        (changed(salt="r2:\\1"), "salt"),
        (changed(targets=(target("desk-r1", 10_000),)), "not named shop-"),
        (changed(targets=(target("shop-", 10_000),)), "not named shop-"),
        (changed(targets=(target("shop-r1", 9_999),)), "sum to 9999"),
        (changed(targets=(target("shop-r1", -1), target("shop-r2", 10_001))), "below 0"),
        (changed(targets=(target("shop-r1", 5000), target("shop-r1", 5000))), "twice"),
        (
            changed(
                targets=(
                    target("shop-r1", 5000, candidate=True),
                    target("shop-r2", 5000, candidate=True),
                )
            ),
            "more than one candidate",
        ),
    ],
)
def test_what_envoy_would_take_although_it_is_wrong_is_refused(route: Route, words: str) -> None:
    with pytest.raises(RouteRefusedError, match=words):
        check(route, {})


def test_a_route_that_is_right_passes() -> None:
    check(SPLIT, {"desk": a_route(0, service="desk", listen=Endpoint("127.0.0.1", 8001))})
    check(with_settings(hosts=("shop.test", "127.0.0.1", "localhost")), {})


def test_the_bootstrap_names_node_and_sockets() -> None:
    text = bootstrap("gateway-3-abcd", Path("/run/g"))
    assert node_of(text) == "gateway-3-abcd"
    described = json.loads(text)
    assert described["admin"]["address"]["pipe"] == {"path": "/run/g/admin.sock", "mode": 384}
    assert b"/run/g/ads.sock" in text


def test_a_reference_is_resolved_on_this_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text(" from a file\n")
    monkeypatch.setenv("TURNOUT_TEST_SECRET", "from the environment")
    assert value_of("env:TURNOUT_TEST_SECRET") == "from the environment"
    assert value_of(f"file:{tmp_path}/secret") == "from a file"
    assert value_of("a literal: with colon") == "a literal: with colon"


@pytest.mark.parametrize("reference", ["env:TURNOUT_NO_SUCH", "file:/no/such/file"])
def test_a_secret_that_cannot_be_had_is_named(reference: str) -> None:
    with pytest.raises(RouteRefusedError, match=reference):
        value_of(reference)


def test_a_route_is_made_anew_only_when_its_secret_changes(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("one")
    route, making = with_settings(tester=("x-tester", f"file:{secret}")), Making()
    first = making.of(route)
    making.refresh(route)
    assert making.of(route) is first
    secret.write_text("two")
    making.refresh(route)
    assert making.of(route) != first
    secret.unlink()
    making.refresh(route)
    assert making.of(route).table == Making().of(with_settings()).table
