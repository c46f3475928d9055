"""Working parts in memory, contract suites and tools for tests; shipped."""
