"""Whose key a model needs, for coding agents that work with the models of many vendors."""

from __future__ import annotations

import re

PROVIDERS = {
    "anthropic": "ANTHROPIC_*",
    "openai": "OPENAI_*",
    "gemini": "GEMINI_*",
    "google": "GOOGLE_GENERATIVE_AI_*",
    "vertex_ai": "GOOGLE_*",
    "bedrock": "AWS_*",
    "amazon-bedrock": "AWS_*",
    "azure": "AZURE_*",
    "ollama": "OLLAMA_*",
    "github-copilot": "GITHUB_TOKEN",
}
"""Providers whose variables are not simply their name and ``_*``, and those that `MODEL_NAMES` mentions."""

MODEL_NAMES = {
    r"claude|sonnet|opus|haiku": "anthropic",
    r"gpt|chatgpt|o\d|4o|codex": "openai",
    r"gemini|flash": "gemini",
    r"deepseek": "deepseek",
    r"grok": "xai",
}
"""How models are called whose provider is not named: regular expression of the first word, and the provider."""


def provider_of(model: str) -> str:
    """Return the provider of a model, ``PROVIDER/MODEL`` or a well-known name; empty when it is not clear."""
    provider, slash, _ = model.strip().lower().partition("/")
    if slash:
        return provider
    return next((name for words, name in MODEL_NAMES.items() if re.match(rf"(?:{words})", provider)), "")


def variables_of(model: str) -> tuple[str, ...]:
    """Return the names of the environment variables that the provider of a model reads, as globs."""
    provider = provider_of(model)
    if not provider:
        return ()
    return (PROVIDERS.get(provider) or f"{re.sub(r'[^A-Z0-9]+', '_', provider.upper())}_*",)
