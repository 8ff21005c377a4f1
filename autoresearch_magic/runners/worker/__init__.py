"""The warm worker process: the server that forks, the child, the client that speaks to it."""
