"""Shapes of a service's remaining sections, and the service itself."""

from typing import ClassVar, Literal

from turnout.entrypoints.release_file.leaves import (
    Duration,
    FilePath,
    OneOrMany,
    Secret,
    Size,
    Text,
    Truth,
    Whole,
)
from turnout.entrypoints.release_file.schema_judge import (
    Performance,
    Shift,
    Verify,
    Warm,
    Watch,
)
from turnout.entrypoints.release_file.schema_parts import Choice, Part
from turnout.entrypoints.release_file.schema_run import Artifact, Route, Run

Webhook = Literal[
    "mlflow",
    "model_updated",
    "registry",
    "harbor",
    "github",
    "gitlab",
    "alertmanager",
    "huggingface",
]
Event = Literal[
    "started",
    "waiting",
    "step",
    "promoted",
    "paused",
    "rolled_back",
    "failed",
    "slow_retirement",
    "early_warning",
]


class Approval(Part):
    """A person's consent that a release waits for."""

    before: Literal["start", "shift", "promote"]
    by: list[Text]
    count: Whole = 1
    not_requester: Truth = True
    within: Duration = 86400.0
    otherwise: Literal["abort", "wait"] = "abort"


class Windows(Part):
    """When the weight may be raised."""

    zone: Text = "UTC"
    allow: list[Text] | None = None
    freeze: dict[Text, Text] | None = None


class Retire(Part):
    """How long the old version's streams may end by themselves."""

    drain: Duration = 600.0


class Nacos(Part):
    """A configuration in a Nacos server."""

    data_id: Text
    group: Text | None = None


class Configuration(Part):
    """Configuration that changes without a release."""

    nacos: Nacos | None = None
    file: FilePath | None = None
    hot_reload: Text | None = None


class Trigger(Choice):
    """What asks for a release by itself."""

    kinds: ClassVar[tuple[str, ...]] = ("poll", "cron", "webhook", "nacos", "git", "folder")
    poll: Duration | None = None
    cron: Text | None = None
    webhook: Webhook | None = None
    nacos: Text | None = None
    git: Text | None = None
    folder: FilePath | None = None
    connection: Text | None = None
    secret: Secret | None = None
    zone: Text | None = None
    jitter: Duration | None = None
    versions: Text | None = None
    action: Literal["release", "check", "rollback", "scale", "degrade"] | None = None


class Receiver(Part):
    """Who is told of what."""

    to: OneOrMany
    when: list[Event]
    cooldown: Duration = 300.0


class Snapshot(Part):
    """State that is copied regularly."""

    files: list[Text] | None = None
    postgres: Text | None = None
    redis: Text | None = None
    command: Text | None = None
    restore: Text | None = None
    every: Text
    keep: Duration
    to: Text | None = None


class ImageStage(Part):
    """How an image is built."""

    recipe: Literal["go", "python", "extend"] | None = None
    file: FilePath | None = None
    base: Text | None = None
    max_size: Size | None = None
    tags: list[Text] | None = None


class Manifest(Part):
    """Where a manifest is written in a Git repository."""

    repository: Text
    path: Text


class Stage(Part):
    """One stage of the pipeline before a release."""

    run: OneOrMany | None = None
    performance: Performance | None = None
    image: ImageStage | None = None
    gates: list[Text] | None = None
    sign: Secret | None = None
    publish: Text | None = None
    manifest: Manifest | None = None
    needs: list[Text] | None = None
    inputs: list[Text] | None = None
    outputs: list[Text] | None = None
    reports: list[Text] | None = None
    timeout: Duration = 1800.0
    retries: Whole = 0
    only: Literal["tags", "branches"] | None = None


class Service(Part):
    """What users call; at most one release of it is under way."""

    artifact: Artifact | None = None
    run: Run | None = None
    route: Route | None = None
    pipeline: dict[Text, Stage] | None = None
    verify: Verify | None = None
    warm: Warm | None = None
    shift: Shift | None = None
    watch: Watch | None = None
    approve: dict[Text, Approval] | None = None
    windows: Windows | None = None
    bake: Duration | None = None
    retire: Retire | None = None
    triggers: dict[Text, Trigger] | None = None
    notify: dict[Text, Receiver] | None = None
    snapshots: dict[Text, Snapshot] | None = None
    config: Configuration | None = None
