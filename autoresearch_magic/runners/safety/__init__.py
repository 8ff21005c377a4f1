"""Refuses dangerous shell commands before they run."""
