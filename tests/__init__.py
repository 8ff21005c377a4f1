"""The tests. What they import runs here first."""

import sys

# jsonschema, which nbformat imports, imports this where it is installed: it compiles forty grammars, for seconds, for a format that
# no schema of a notebook names. Without it that format is not checked.
sys.modules.setdefault("rfc3987_syntax", None)
