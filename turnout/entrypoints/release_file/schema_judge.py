"""Shapes of the sections that judge a version: verify, warm, shift, watch."""

from typing import ClassVar, Literal

from pydantic import Field

from turnout.entrypoints.release_file.leaves import (
    Count,
    Duration,
    ExistingPath,
    FilePath,
    Limit,
    Share,
    Text,
    Weight,
    Whole,
    WholeOrMany,
)
from turnout.entrypoints.release_file.schema_parts import Choice, Figure, Part


class Golden(Part):
    """Rows with expected answers that a version has to give before any user meets it."""

    file: ExistingPath
    request: ExistingPath | None = None
    scorer: Literal["exact", "label", "json", "numeric", "regex", "similar"] = "exact"
    labels: list[Text] | None = None
    slices: Text | None = None
    concurrency: Count = 16
    figures: dict[Text, Figure] = Field(default_factory=dict)


class Performance(Part):
    """A load that is measured before any user."""

    requests: FilePath
    concurrency: WholeOrMany | None = None
    duration: Duration | None = None
    reference: FilePath | None = None
    figures: dict[Text, Figure] = Field(default_factory=dict)


class Gate(Choice):
    """A report that has to be good enough."""

    kinds: ClassVar[tuple[str, ...]] = (
        *("sarif", "junit", "coverage", "cyclonedx", "zap"),
        *("sonarqube", "image"),
    )
    sarif: FilePath | None = None
    junit: FilePath | None = None
    coverage: FilePath | None = None
    cyclonedx: FilePath | None = None
    zap: FilePath | None = None
    sonarqube: Text | None = None
    image: Text | None = None
    max: dict[Text, Limit] | None = None
    min: dict[Text, Limit] | None = None


class Verify(Part):
    """What is checked before traffic."""

    golden: dict[Text, Golden] | None = None
    performance: Performance | None = None
    gates: dict[Text, Gate] | None = None
    policies: list[FilePath] | None = None
    commands: dict[Text, Text] | None = None
    unsafe_formats: Literal["refuse", "warn"] = "refuse"


class Warm(Part):
    """Requests until the candidate's latency is steady."""

    requests: ExistingPath | None = None
    until: Literal["steady"] = "steady"
    within: Duration = 300.0


class Step(Part):
    """One rung: a weight and how long it is held at least."""

    short: ClassVar[str] = "weight"
    weight: Weight
    hold: Duration | None = None
    requests: Whole | None = None
    approve: Text | None = None


class Shadow(Part):
    """Mirrored traffic before the first step."""

    weight: Weight = 1000
    hold: Duration = 600.0


class Shift(Part):
    """How traffic moves from stable to candidate."""

    strategy: Literal["canary", "blue-green", "rolling", "ab"] = "canary"
    shadow: Shadow | None = None
    steps: list[Step] | None = None
    hold: Duration | None = None
    waves: list[Text] | None = None


class Query(Figure):
    """A figure that is watched, measured at the router or by a query of one's own."""

    prometheus: Text | None = None
    connection: Text | None = None


class Breakage(Part):
    """Plain failures that need no statistics."""

    crashes: Count = 1
    errors: Share = 0.5
    health: Count = 3


class Repair(Part):
    """How often a broken step is tried again."""

    retries: Whole = 0
    back_off: Duration = 30.0


class Watch(Part):
    """How the candidate is compared with stable while users are on it."""

    false_alarms: Share = 0.01
    floor: Duration = 0.002
    figures: dict[Text, Query] = Field(default_factory=dict)
    on_worse: Literal["rollback", "pause"] = "rollback"
    patience: Duration = 3600.0
    on_undecided: Literal["pause", "rollback"] = "pause"
    breakage: Breakage | None = None
    repair: Repair | None = None
