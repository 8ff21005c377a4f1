"""Source text of targets, analysed without running it: files, differences, constants, and what may not be changed."""
