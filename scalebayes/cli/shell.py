"""Words as a shell takes them."""

# Bare characters of bash; in double quotes all but these stand for themselves.
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
_LIVE = frozenset('$`"\\!')


def quoted(text: str) -> str:
    """A word as bash takes it: bare where it can be, else in quotes.

    >>> print(quoted("N=params"), quoted("split == 'fit'"), quoted('a "b"'), quoted("it's $5"))
    N=params "split == 'fit'" 'a "b"' 'it'"'"'s $5'
    """
    if text and _SAFE.issuperset(text):
        return text
    if not _LIVE.intersection(text.replace("!= ", "")):
        return f'"{text}"'
    return "'" + text.replace("'", "'\"'\"'") + "'"
