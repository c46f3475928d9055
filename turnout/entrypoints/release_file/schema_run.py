"""Shapes of the sections that say what a service is and how it runs and is reached."""

from typing import ClassVar, Literal

from pydantic import JsonValue

from turnout.entrypoints.release_file.leaves import (
    Address,
    Command,
    Count,
    Duration,
    ExistingPath,
    FilePath,
    Host,
    Limit,
    Secret,
    Size,
    Span,
    Tester,
    Text,
    Truth,
    UrlPath,
    Variable,
    Whole,
)
from turnout.entrypoints.release_file.schema_parts import Part

Format = Literal["safetensors", "onnx", "gguf", "image", "binary", "archive", "json", "text"]


class Signature(Part):
    """Who may have signed an artifact."""

    keys: list[ExistingPath] | None = None
    certificates: list[FilePath] | None = None
    required: Truth = True


class Artifact(Part):
    """The bytes of a version."""

    short: ClassVar[str] = "source"
    source: FilePath
    connection: Text | None = None
    signature: Signature | None = None
    max_size: Size | None = None
    formats: list[Format] | None = None


class Ready(Part):
    """When an instance counts as ready."""

    short: ClassVar[str] = "http"
    http: UrlPath | None = None
    completion: ExistingPath | None = None
    passes: Count = 2
    every: Duration = 1.0
    within: Duration = 120.0
    timeout: Duration = 2.0


class Resources(Part):
    """What an instance asks for and may use at most."""

    cpu: Span | None = None
    memory: Span | None = None
    gpus: Whole | None = None
    gpu_memory: Size | None = None


class Replicas(Part):
    """How many instances carry the traffic."""

    short: ClassVar[str] = "min"
    min: Count = 1
    max: Whole | None = None
    candidate: Whole | None = None
    scale_on: dict[Text, Limit] | None = None


class Hook(Part):
    """A command that runs once, and how to see that it was done."""

    short: ClassVar[str] = "command"
    command: Text
    check: Text | None = None


class Run(Part):
    """How an instance is started."""

    short: ClassVar[str] = "command"
    command: Command | None = None
    image: Text | None = None
    port: Whole | None = None
    folder: ExistingPath | None = None
    env: dict[Variable, Text] | None = None
    secrets: dict[Variable, Secret] | None = None
    config: dict[Text, ExistingPath] | None = None
    volumes: dict[Text, Size] | None = None
    resources: Resources | None = None
    replicas: Replicas | None = None
    ready: Ready | None = None
    restart: Literal["always", "on-failure", "never"] = "always"
    needs: list[Text] | None = None
    before: dict[Text, Hook] | None = None
    after: dict[Text, Hook] | None = None
    stateful: Truth = False
    manifests: FilePath | None = None
    patch: dict[str, JsonValue] | None = None


class Jwt(Part):
    """Which tokens a route asks for."""

    paths: list[Text]
    jwks: Text | None = None
    secret: Secret | None = None
    issuer: Text | None = None
    audience: Text | None = None


class Tls(Part):
    """Certificate and key of a route."""

    cert: Secret
    key: Secret


class Rate(Part):
    """How many requests are let in."""

    per_client: Limit


class Route(Part):
    """Where users reach the service."""

    short: ClassVar[str] = "listen"
    listen: Address | None = None
    host: Host | None = None
    path: Text | None = None
    sticky: Text | None = None
    testers: Tester | None = None
    variants: dict[Text, Literal["candidate", "stable"]] | None = None
    tls: Tls | None = None
    jwt: Jwt | None = None
    rate: Rate | None = None
    timeout: Duration = 600.0
    stream_max: Duration | None = None
    repeatable: Literal["none", "get", "all"] = "get"
