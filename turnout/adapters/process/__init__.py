"""Runtime that keeps instances as processes of this host, which outlive the controller."""

from turnout.adapters.process.runtime import ProcessRuntime, build_runtime
from turnout.adapters.process.settings import ProcessSettings

__all__ = ["ProcessRuntime", "ProcessSettings", "build_runtime"]
