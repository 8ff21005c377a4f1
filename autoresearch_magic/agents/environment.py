"""Environment variables of agents' programs: an agent gets the credentials that are its own, and nobody else's.

An agent that edits files works on its own for minutes and may run what it likes, so keys, tokens and addresses of other vendors are
kept from it. That is about variables alone: what lies in files of the user's home is as readable for it as for every program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

_SECRET = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH|COOKIE|(?:^|_)(?:PWD|PAT|JWT|DSN|PRIVATE)(?:_|$)", re.I
)
"""Names of variables that hold secrets; `PWD` and `OLDPWD` themselves are folders."""

_ADDRESS = re.compile(
    r"_(?:BASE_?URL|API_?(?:URL|BASE|HOST|TYPE|VERSION)|ENDPOINT(?:_URL)?|BASE_?PATH|WEBHOOK(?:_URL)?)$", re.I
)
"""Names of variables that say where a vendor's server is."""

_VENDORS = re.compile(
    r"""(?:ANTHROPIC|CLAUDE(?:_CODE)?|OPENAI|CODEX|AZURE|GEMINI|GOOGLE|GCLOUD|GCP|CLOUDSDK|VERTEX(?:AI)?|AWS|BEDROCK|MISTRAL|CODESTRAL|GROQ
    |COHERE|CO|DEEPSEEK|OPENROUTER|XAI|GROK|PERPLEXITY|PPLX|TOGETHER(?:AI)?|FIREWORKS|REPLICATE|HUGGINGFACE|HUGGINGFACEHUB|OLLAMA|LM_?STUDIO
    |LITELLM|AIDER|OPENCODE|CURSOR|COPILOT|GITHUB|GH|GITLAB|GITEA|BITBUCKET|DASHSCOPE|QWEN|MOONSHOT|KIMI|ZHIPU(?:AI)?|ZAI|MINIMAX|CEREBRAS
    |SAMBANOVA|DATABRICKS|SNOWFLAKE|WATSONX|LANGCHAIN|LANGSMITH|LANGFUSE|WANDB|COMET|NEPTUNE|MLFLOW_TRACKING|DEEPINFRA|NOVITA|VOYAGE
    |JINA|TAVILY|SERPER|EXA|GOOSE|AMP|CRUSH|WINDSURF|CODEIUM|TABNINE|CLOUDFLARE|CF|VERCEL|NETLIFY|HEROKU|FLY|DIGITALOCEAN|HCLOUD|LINODE
    |SLACK|DISCORD|TELEGRAM|TWILIO|SENDGRID|MAILGUN|STRIPE|SENTRY|DATADOG|DD|NEW_RELIC|TWINE|UV_PUBLISH|CARGO_REGISTR(?:Y|IES)
    |VAULT|OP|DOPPLER|KAGGLE|JUPYTERHUB|JPY)_""",
    re.VERBOSE,
)
"""First words of the variables of vendors and services, whose names need not say that they hold a key."""

_VALUE = re.compile(
    r"""^(?:sk|pk|rk)[-_][\w-]{16,} | ^(?:gh[opusr]|glpat|github_pat|hf|xox[abprs]|npm|pypi|gsk|xai|r8|ya29)[-_.][\w.-]{12,} | ^A[KS]IA[A-Z0-9]{12,}$
    | ^AIza[\w-]{30,} | ^eyJ[\w-]{8,}\.[\w-]+\. | -----BEGIN\ [A-Z ]*PRIVATE\ KEY | ^[a-z][a-z0-9+.-]*://[^/@\s]*:[^/@\s]+@ | ^Bearer\ """,
    re.IGNORECASE | re.VERBOSE,
)
"""Values that look like a key, whatever their variable is called; among them addresses with a password."""

_NETWORK = re.compile(
    r"""(?:^|_)(?:https?|all|no|ftp|socks5?)_?proxy$ | ^npm_config_(?:https?_?)?proxy$ | ^npm_config_(?:noproxy|cafile)$
    | ^(?:SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|AWS_CA_BUNDLE|PIP_CERT|DENO_CERT|CARGO_HTTP_CAINFO)$
    | ^NODE_(?:EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED|USE_SYSTEM_CA|USE_ENV_PROXY)$""",
    re.IGNORECASE | re.VERBOSE,
)
"""Proxies and certificates, without which nothing reaches the network; a proxy's password passes with them."""

_INSIDE = re.compile(
    r"""CLAUDECODE | CLAUDE_CODE_(?:ENTRYPOINT|SSE_PORT|SESSION_ID|CHILD_SESSION|EXECPATH) | CODEX_(?:SANDBOX\w*|THREAD_ID|CI)
    | GEMINI_CLI(?:_\w+)? | CURSOR_(?:AGENT|TRACE_ID|\w*SESSION\w*) | OPENCODE(?:_(?:PID|BIN_PATH|PROCESS_ROLE|RUN_ID))? | AI_AGENT""",
    re.VERBOSE,
)
"""What agents set for the programs that they start. An agent that finds its own mark takes itself for its own child, and may refuse."""

_REPOSITORY = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "GIT_DIR",
    "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
    "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}  # fmt: skip
"""What git sets for the programs that it starts, such as hooks: which repository they work on, wherever they stand."""


def agent_environment(
    credentials: Iterable[str] = (), extra: Iterable[str] = (), *, source: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of an agent's program: the user's, without secrets that are not the agent's own.

    Parameters
    ----------
    credentials : iterable of str
        Names of the variables with which the agent logs in and finds its server, or their beginnings with a star: ``ANTHROPIC_*``.
    extra : iterable of str
        Names that the user allows in addition (``--pass-env``).
    source : mapping, optional
        The environment to select from; by default this process's own.

    Notes
    -----
    No ``GIT_*`` variable passes, as one may point git at the user's repository, nor the marks by which an agent recognises that it
    was started by itself.
    """
    source = os.environ if source is None else source
    own, allowed = tuple(credentials), frozenset(extra)
    return {
        name: value
        for name, value in source.items()
        if not name.upper().startswith("GIT_")
        and (
            name in allowed
            or (
                not _INSIDE.fullmatch(name)
                and (any(fnmatchcase(name, each) for each in own) or not is_foreign(name, value))
            )
        )
    }


def is_foreign(name: str, value: str) -> bool:
    """Return whether a variable looks like a secret, or like the address or setting of some vendor or service."""
    if _NETWORK.search(name):
        return False
    named = name not in ("PWD", "OLDPWD") and _SECRET.search(name)
    return bool(named or _ADDRESS.search(name) or _VENDORS.match(name) or _VALUE.search(value))


def whole_environment(source: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the user's whole environment, for a command line that the user chose; only git's own pointers to a repository are left out."""
    source = os.environ if source is None else source
    return {name: value for name, value in source.items() if name not in _REPOSITORY}
