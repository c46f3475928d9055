"""Shapes of the whole release file: environments, connections, versions."""

from typing import Annotated, ClassVar, Literal

from pydantic import WithJsonSchema

from turnout.entrypoints.release_file.leaves import (
    Duration,
    FilePath,
    Label,
    Project,
    Secret,
    Text,
    Whole,
)
from turnout.entrypoints.release_file.schema_judge import Shift
from turnout.entrypoints.release_file.schema_parts import Choice, Part
from turnout.entrypoints.release_file.schema_service import Service

ConnectionKind = Literal[
    "registry",
    "mlflow",
    "s3",
    "git",
    "prometheus",
    "alertmanager",
    "nacos",
    "kubernetes",
    "postgres",
    "redis",
    "slack",
    "dingtalk",
    "feishu",
    "wecom",
    "email",
    "sms",
    "webhook",
    "ticket",
]


class Connection(Part):
    """A named endpoint outside Turnout."""

    kind: ConnectionKind
    url: Text | None = None
    user: Text | None = None
    token: Secret | None = None
    password: Secret | None = None
    secret: Secret | None = None
    ca: FilePath | None = None
    kubeconfig: Text | None = None
    context: Text | None = None
    to: list[Text] | None = None


class Process(Part):
    """Instances are processes of this host."""

    folder: FilePath | None = None


class Container(Part):
    """Instances are containers of this host."""

    engine: Literal["podman", "docker"] = "podman"
    socket: Text | None = None
    network: Text | None = None


class Kubernetes(Part):
    """Instances are pods of a cluster."""

    connection: Text | None = None
    namespace: Text = "default"
    profile: Literal["private", "cloud", "edge"] = "cloud"
    delivery: Literal["direct", "operator", "gitops"] = "direct"


class Runtime(Choice):
    """What runs the instances."""

    kinds: ClassVar[tuple[str, ...]] = ("process", "container", "kubernetes")
    process: Process | None = None
    container: Container | None = None
    kubernetes: Kubernetes | None = None


class Envoy(Part):
    """Turnout's own gateway."""

    admin: Text | None = None
    workers: Whole | None = None


class Nginx(Part):
    """An nginx of this host."""

    file: FilePath
    reload: Text = "nginx -s reload"


class Named(Part):
    """A router that a cluster holds under a name."""

    name: Text | None = None
    connection: Text | None = None
    gateway: Text | None = None


class Router(Choice):
    """What splits the traffic."""

    kinds: ClassVar[tuple[str, ...]] = (
        *("envoy", "nginx", "service", "istio", "gateway", "ingress"),
    )
    envoy: Envoy | None = None
    nginx: Nginx | None = None
    service: Named | None = None
    istio: Named | None = None
    gateway: Named | None = None
    ingress: Named | None = None


class GitOps(Part):
    """The repository that declares what runs."""

    repository: Text
    branch: Text = "main"
    path: Text
    on_rollback: Literal["revert", "hold"] = "hold"
    connection: Text | None = None


class Environment(Part):
    """Where a release runs; the order in the file is the order of promotion."""

    runtime: Runtime | None = None
    router: Router | None = None
    sites: list[Text] | None = None
    gitops: GitOps | None = None
    defaults: Service | None = None
    services: dict[Label, Service] | None = None


class Versions(Part):
    """Which branch or tag goes to which environment."""

    scheme: Literal["semver", "calver", "any"] = "semver"
    branches: dict[Text, Text] | None = None
    tags: dict[Text, Text] | None = None
    fast_lane: dict[Text, Shift] | None = None


class Retention(Part):
    """How long records are kept."""

    every: Duration | None = None
    keep: Text
    then: Text | None = None


class ReleaseFile(Part):
    """The whole file."""

    turnout: Annotated[Literal["1"], WithJsonSchema({"enum": [1, "1"]})]
    project: Project | None = None
    include: list[FilePath] | None = None
    connections: dict[Text, Connection] | None = None
    versions: Versions | None = None
    environments: dict[Label, Environment] | None = None
    defaults: Service | None = None
    services: dict[Label, Service]
    retention: dict[Text, Retention] | None = None
