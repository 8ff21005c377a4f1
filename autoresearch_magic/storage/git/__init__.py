"""The user's own repository: what it is, what a study begins with, and how the best comes home."""
