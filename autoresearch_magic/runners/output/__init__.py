"""Reads the value of a metric from the output of a command."""
