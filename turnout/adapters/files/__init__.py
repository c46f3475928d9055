"""Artifacts on local paths: their digests, a content store, read-only trees that are served."""

from turnout.adapters.files.artifacts import ArtifactSettings, build_artifacts
from turnout.adapters.files.source import SIGNATURE, signature_of

__all__ = ["SIGNATURE", "ArtifactSettings", "build_artifacts", "signature_of"]
