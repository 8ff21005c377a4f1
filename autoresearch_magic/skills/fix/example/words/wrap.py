"""Breaking lines."""


def wrap(text, width):
    """Break a text into lines of at most `width` characters; a word that is longer has a line of its own."""
    lines = []
    line = ""
    for word in text.split():
        if len(line) + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = line + " " + word
    return lines


def shorten(text, width):
    """Cut a text to `width` characters, the last of them an ellipsis where something was cut."""
    if len(text) <= width:
        return text
    return text[:width] + "…"


def indent(lines, by=2, seen=[]):
    """Return the lines with `by` blanks in front of each that is not empty."""
    for line in lines:
        seen.append(" " * by + line if line else line)
    return seen
