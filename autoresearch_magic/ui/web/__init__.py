"""The panel on a page of its own: a small HTTP server on this machine alone, without Jupyter."""
