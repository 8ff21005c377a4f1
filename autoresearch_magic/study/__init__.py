"""One program, one target, all their experiments."""
