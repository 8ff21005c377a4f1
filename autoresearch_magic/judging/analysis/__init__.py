"""Looking back over a history: how it goes, what paid off, what to do next."""
