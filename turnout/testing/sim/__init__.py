"""Deterministic simulation of the engine: virtual time, seeded faults at every call of a port."""
