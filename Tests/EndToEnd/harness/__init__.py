"""Starts the real binaries on loopback and talks to them as clients do."""
