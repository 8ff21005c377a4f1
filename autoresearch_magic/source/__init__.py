"""Source text of targets: edits, constants, what may not be changed."""
