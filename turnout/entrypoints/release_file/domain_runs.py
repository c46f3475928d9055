"""Turns a run section into how an instance is started, and into the digest of a version."""

import json
from hashlib import sha256
from os.path import relpath
from pathlib import Path as FilePath

from turnout.domain.version import Ready, Restart, RunSpec
from turnout.entrypoints.release_file.schema_run import Ready as ReadySection
from turnout.entrypoints.release_file.schema_run import Run
from turnout.entrypoints.release_file.schema_service import Service


def run_of(section: Service, folder: FilePath) -> RunSpec:
    """Give how an instance is started; placeholders and secrets stay as they are written."""
    run = section.run or Run()
    config = (run.config or {}).items()
    return RunSpec(
        command=tuple(run.command or ()),
        folder=str((folder / (run.folder or ".")).absolute()),
        env=tuple((run.env or {}).items()),
        secrets=tuple((run.secrets or {}).items()),
        config=tuple((name, _file_digest(folder / path)) for name, path in config),
        ready=_ready(run.ready or ReadySection(), folder),
        restart=Restart(run.restart),
    )


def digest_of(run: RunSpec, folder: str, artifact_digest: str | None, name: str) -> str:
    """Give the digest of a version: artifact, run section, configuration (D-5).

    The name counts only where there is no artifact: else two names of a plain service would be
    one version.
    """
    ready = run.ready
    document = {
        "artifact": artifact_digest,
        "name": name if artifact_digest is None else None,
        "command": run.command,
        "folder": relpath(run.folder, folder),
        "env": sorted(run.env),
        "secrets": sorted(run.secrets),
        "config": sorted(run.config),
        "restart": run.restart,
        "ready": [
            *(ready.http, ready.completion, ready.passes),
            *(ready.every_s, ready.timeout_s, ready.within_s),
        ],
    }
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{sha256(canonical.encode()).hexdigest()}"


def _ready(ready: ReadySection, folder: FilePath) -> Ready:
    body = (folder / ready.completion).read_text("utf-8") if ready.completion else None
    return Ready(
        http=ready.http,
        completion=body,
        passes=ready.passes,
        every_s=ready.every,
        timeout_s=ready.timeout,
        within_s=ready.within,
    )


def _file_digest(path: FilePath) -> str:
    return f"sha256:{sha256(path.read_bytes()).hexdigest()}"
