"""Coloured source code and differences, for who draws them: see `source.highlight`."""

from ..source.highlight import CLASSES as CLASSES
from ..source.highlight import Kind as Kind
from ..source.highlight import Line as Line
from ..source.highlight import Row as Row
from ..source.highlight import Token as Token
from ..source.highlight import UnifiedLine as UnifiedLine
from ..source.highlight import diff_rows as diff_rows
from ..source.highlight import language_of as language_of
from ..source.highlight import tokens as tokens
from ..source.highlight import unified as unified
