"""Agents that propose by editing files: coding agents such as Claude Code and Codex, each in a folder of its own."""
