"""Texts from outside, as a line of output shows them."""


def printable(text: str) -> str:
    """Escape what is not printable: a text from outside must not break a line or send escape codes to the terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def one_line(text: str) -> str:
    """Return a text as one printable line: each run of white space becomes a space."""
    return printable(" ".join(text.split()))
