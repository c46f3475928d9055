"""Long work as child processes: one folder for each key, found again after a restart."""

from turnout.adapters.jobs.jobs import JobSettings, build_jobs

__all__ = ["JobSettings", "build_jobs"]
