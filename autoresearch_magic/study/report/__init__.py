"""The report of a study as one HTML file that needs nothing else: no script, no request, nothing beside it."""
