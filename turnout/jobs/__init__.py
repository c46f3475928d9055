"""Long work of a release, each in a process of its own: prepare, verify, warm."""
