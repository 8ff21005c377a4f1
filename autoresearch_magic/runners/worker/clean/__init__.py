"""The clean side: the metric is computed in a process where the target's code never ran, and the target's objects are called from there."""
