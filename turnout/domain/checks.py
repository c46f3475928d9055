"""What is asked of a version before users meet it, and what came out."""

from dataclasses import dataclass
from enum import StrEnum

from turnout.domain.version import Endpoint


class Scorer(StrEnum):
    """How an answer of a golden row is compared with what is expected."""

    EXACT = "exact"
    LABEL = "label"
    JSON = "json"
    NUMERIC = "numeric"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenRule:
    """One figure of a golden set; shares are 0 to 1, `worse_by` is a difference of shares."""

    figure: str
    min: float | None = None
    max: float | None = None
    worse_by: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenSet:
    """Rows with expected answers; the whole population, not a sample (D-45).

    `file` and `request` are absolute paths; `digest` covers both. `slices` is the field of a row
    that names its slice.
    """

    name: str
    file: str
    digest: str
    scorer: Scorer
    rules: tuple[GoldenRule, ...]
    request: str | None = None
    labels: tuple[str, ...] = ()
    slices: str | None = None
    concurrency: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRules:
    """Where a version's artifact lies and who may have signed it.

    `source` is an absolute path; `keys` are absolute paths of PEM files.
    """

    source: str
    keys: tuple[str, ...] = ()
    signature_required: bool = False
    max_size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """Requests until the candidate's latency is steady.

    `requests` is an absolute path of JSON lines, None: golden rows, else the ready path.
    """

    requests: str | None = None
    within_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Everything that a release does before traffic; absent parts are passed in the same turn."""

    artifact: ArtifactRules | None = None
    golden: tuple[GoldenSet, ...] = ()
    warm: WarmUp | None = None


class JobKind(StrEnum):
    """Long work that runs as a child process with one result file."""

    PREPARE = "prepare"
    VERIFY = "verify"
    WARM = "warm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of long work; equal keys are the same work and share one result.

    `stable` is where the stable version answers, empty without one; `stable_digest` keys its
    remembered answers to golden rows.
    """

    kind: JobKind
    key: str
    service: str
    version: str
    digest: str
    artifact_digest: str | None
    checks: Checks
    candidate: tuple[Endpoint, ...] = ()
    stable: tuple[Endpoint, ...] = ()
    stable_digest: str | None = None
    health_path: str | None = None


class JobState(StrEnum):
    """How a job stands. REFUSED is a verdict on the version; FAILED is one on the surroundings."""

    RUNNING = "running"
    PASSED = "passed"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One checked figure or file: what was seen, what was asked, and the first rows that show it.

    `code` is one of the sentence codes for findings (`golden`, `signature`, `format`, `size`,
    `source`, `warm`). Shares are 0 to 1; `hits` of `rows` rows are right.
    """

    code: str
    ok: bool
    name: str
    figure: str = ""
    value: float | None = None
    stable_value: float | None = None
    limit: float | None = None
    hits: int | None = None
    rows: int | None = None
    text: str = ""
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What a job found; `seconds_s` is how long it took."""

    state: JobState
    findings: tuple[Finding, ...] = ()
    why: str = ""
    seconds_s: float = 0.0
