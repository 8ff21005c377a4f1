"""A metric out of what a command prints."""
