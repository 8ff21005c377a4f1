"""The panel, wherever it is shown: its front end, and the Python side that answers it."""
