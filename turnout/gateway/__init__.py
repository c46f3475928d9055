"""The gateway daemon: owns one Envoy and brings about what controllers decided."""
