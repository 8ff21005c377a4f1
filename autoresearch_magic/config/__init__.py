"""The language of programs: what keys mean, how a text holds them, how values are read."""
