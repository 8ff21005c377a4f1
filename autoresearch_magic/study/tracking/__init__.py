"""Trackers: programs of others, such as MLflow and TensorBoard, that are sent a study while it runs or afterwards."""
