"""Defaults of the options: ``%config Autoresearch.budget = "20s"``, or ``c.Autoresearch.agent = "claude"`` in ipython_config.py.

They are weaker than the lines of a program and the options of a magic. The class is made from the options that `Settings` declares.
"""

from __future__ import annotations

from typing import Any

from traitlets import Any as AnyTrait
from traitlets import TraitError, validate
from traitlets.config import Configurable

from ...config.settings import FIELDS
from ...errors import UserError


class _Defaults(Configurable):
    """Defaults for the options of %autoresearch; None for those of the program."""

    def given(self) -> dict[str, Any]:
        """Return the defaults that were set, as raw settings."""
        return {name: value for name in FIELDS if (value := getattr(self, name)) is not None}

    @validate(*FIELDS)
    def _check(self, proposal: Any) -> Any:
        if proposal.value is not None:
            try:
                FIELDS[proposal.trait.name].metadata["parse"](proposal.value)
            except UserError as error:
                raise TraitError(str(error)) from None
        return proposal.value


Autoresearch: type[_Defaults] = type(
    "Autoresearch",  # the name in %config and in configuration files
    (_Defaults,),
    {
        "__doc__": _Defaults.__doc__,
        "__module__": __name__,
        **{
            name: AnyTrait(None, allow_none=True, help=field.metadata["help"].replace("%%", "%")).tag(config=True)
            for name, field in FIELDS.items()
        },
    },
)
