"""Rules about names that refer to others, and what a router can: T206 to T209."""

from collections.abc import Iterator

from turnout.entrypoints.release_file.mistakes import Mistake, did_you_mean
from turnout.entrypoints.release_file.nodes import (
    Leaf,
    group_at,
    items_at,
    leaves_at,
    place_at,
    text_at,
)
from turnout.entrypoints.release_file.scene import Scene, ServiceScene, Wrong

_CONNECTIONS_OF_A_SERVICE = (
    "artifact.connection",
    "watch.figures.*.connection",
    "triggers.*.connection",
    "notify.*.to",
    "notify.*.to.*",
    "snapshots.*.to",
    "snapshots.*.postgres",
    "snapshots.*.redis",
    "pipeline.*.manifest.repository",
)
_CONNECTIONS = (
    "environments.*.runtime.kubernetes.connection",
    "environments.*.gitops.repository",
    "retention.*.then",
    *(f"services.*.{key}" for key in _CONNECTIONS_OF_A_SERVICE),
)
_NEVER = "never"


def stages_exist(service: ServiceScene) -> Iterator[Wrong]:
    """Ask that a stage needs stages that exist (T206)."""
    stages = service.group("pipeline")
    for stage, node in stages.entries.items():
        for index, need in enumerate(items_at(node, "needs")):
            if isinstance(need, Leaf) and need.text and need.text not in stages.entries:
                text = f"stage `{need.text}` does not exist"
                note = did_you_mean(need.text, stages.entries)
                yield Wrong("T206", text, ("pipeline", stage, "needs", index), note)


def gates_exist(service: ServiceScene) -> Iterator[Wrong]:
    """Ask that a stage names gates that exist (T206)."""
    gates = service.group("verify", "gates").entries
    for stage, node in service.group("pipeline").entries.items():
        for index, gate in enumerate(items_at(node, "gates")):
            if isinstance(gate, Leaf) and gate.text and gate.text not in gates:
                text = f"gate `{gate.text}` does not exist"
                note = did_you_mean(gate.text, gates)
                fix = "" if note else "declare it under `verify.gates`"
                yield Wrong("T206", text, ("pipeline", stage, "gates", index), note, fix)


def connections_exist(scene: Scene) -> Iterator[Mistake]:
    """Ask that connections exist (T207)."""
    known = group_at(scene.tree, "connections").entries
    for key in _CONNECTIONS:
        for _, leaf in leaves_at(scene.tree, key):
            if not leaf.text or leaf.text in known:
                continue
            note = did_you_mean(leaf.text, known)
            yield Mistake(
                code="T207",
                text=f"connection `{leaf.text}` does not exist",
                place=leaf.place,
                note=note,
                fix="" if note else "declare it under `connections`, or on the server",
            )


def environments_exist(scene: Scene) -> Iterator[Mistake]:
    """Ask that branches and tags go to environments that exist (T209)."""
    names = group_at(scene.root, "environments").entries
    for kind in ("branches", "tags"):
        for node in group_at(scene.root, "versions", kind).entries.values():
            if isinstance(node, Leaf) and node.text and node.text not in (*names, _NEVER):
                yield Mistake(
                    code="T209",
                    text=f"environment `{node.text}` does not exist",
                    place=node.place,
                    note=did_you_mean(node.text, names),
                )


def router_can(scene: Scene) -> Iterator[Mistake]:
    """Refuse weights where a router only switches (T208)."""
    if scene.chosen("router") != "service":
        return
    for name, service in scene.services.items():
        strategy = service.text("shift", "strategy") or "canary"
        if strategy in ("blue-green", "rolling"):
            continue
        written = service.find("shift", "strategy")
        at = ("environments", scene.environment, "router")
        yield Mistake(
            code="T208",
            text=f"a Service selector switches all at once; `{name}` asks for {strategy}",
            place=written.place if written else place_at(scene.tree, at, of_key=True),
            fix=(
                "`strategy: blue-green`, or a router that carries weights: "
                "envoy, nginx, istio, gateway, ingress"
            ),
        )


def hosts_are_distinct(scene: Scene) -> Iterator[Mistake]:
    """Refuse two services that want the same requests of one address (T208)."""
    taken: dict[tuple[str, str], str] = {}
    for name, service in scene.services.items():
        if not service.group("route").entries:
            continue
        listen = text_at(service.node, "route", "listen") or ""
        host = text_at(service.node, "route", "host") or ""
        other = taken.setdefault((listen.rpartition(":")[2], host), name)
        if other != name:
            what = f"host `{host}`" if host else "every request"
            yield Mistake(
                code="T208",
                text=f"`{other}` and `{name}` both want {what} of one address",
                place=service.place("route", of_key=True),
                fix="give each a `host`, or a `listen` of its own",
            )
