"""The release file: text to checked models; `domain_values` turns them into domain values."""

from turnout.entrypoints.release_file.loading import Loaded, Resolved, load
from turnout.entrypoints.release_file.mistakes import Form, Mistake

__all__ = ["Form", "Loaded", "Mistake", "Resolved", "load"]
