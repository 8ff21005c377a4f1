"""Language-model agents, and the backends that reach the models."""
