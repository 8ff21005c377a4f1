"""A server for clients of the Model Context Protocol: tools and resources by which an agent drives a study."""
