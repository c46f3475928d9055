"""Turns artifact, golden sets and warming into what is asked of a version before users."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path as FilePath

from turnout.domain.checks import ArtifactRules, Checks, GoldenSet, Scorer, WarmUp
from turnout.entrypoints.release_file.domain_figures import golden_rules
from turnout.entrypoints.release_file.placeholders import replaced
from turnout.entrypoints.release_file.schema_judge import Golden, Warm
from turnout.entrypoints.release_file.schema_run import Artifact
from turnout.entrypoints.release_file.schema_service import Service


def checks_of(section: Service, folder: FilePath, words: Mapping[str, str]) -> Checks:
    """Give everything that a release does before traffic; paths become absolute."""
    golden = (section.verify.golden if section.verify else None) or {}
    return Checks(
        artifact=_artifact(section.artifact, folder, words) if section.artifact else None,
        golden=tuple(_golden(name, spec, folder, words) for name, spec in golden.items()),
        warm=_warm(section.warm, folder, words) if section.warm else None,
    )


def _artifact(artifact: Artifact, folder: FilePath, words: Mapping[str, str]) -> ArtifactRules:
    signature = artifact.signature
    keys = (signature.keys if signature else None) or []
    return ArtifactRules(
        source=_absolute(artifact.source, folder, words),
        keys=tuple(_absolute(key, folder, words) for key in keys),
        signature_required=signature is not None and signature.required,
        max_size_bytes=artifact.max_size,
    )


def _golden(name: str, spec: Golden, folder: FilePath, words: Mapping[str, str]) -> GoldenSet:
    file = _absolute(spec.file, folder, words)
    request = _absolute(spec.request, folder, words) if spec.request else None
    return GoldenSet(
        name=name,
        file=file,
        digest=_digest(file, request),
        scorer=Scorer(spec.scorer),
        rules=golden_rules(spec.figures),
        request=request,
        labels=tuple(spec.labels or ()),
        slices=spec.slices,
        concurrency=spec.concurrency,
    )


def _warm(warm: Warm, folder: FilePath, words: Mapping[str, str]) -> WarmUp:
    requests = _absolute(warm.requests, folder, words) if warm.requests else None
    return WarmUp(requests=requests, within_s=warm.within)


def _digest(file: str, request: str | None) -> str:
    digest = sha256()
    for path in (file, request):
        content = b"" if path is None else FilePath(path).read_bytes()
        # The length stands before each part, so that no two pairs look alike.
        digest.update(len(content).to_bytes(8, "big") + content)
    return f"sha256:{digest.hexdigest()}"


def _absolute(text: str, folder: FilePath, words: Mapping[str, str]) -> str:
    return str((folder / replaced(text, words)).absolute())
