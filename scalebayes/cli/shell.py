"""Quotes words for a shell."""

# _SAFE needs no quotes in bash. In double quotes, all characters but those in _LIVE stand for themselves.
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
_LIVE = frozenset('$`"\\!')


def quoted(text: str) -> str:
    """Return a word of a command line as bash takes it: bare if possible, otherwise in quotes.

    >>> print(quoted("N=params"), quoted("split == 'fit'"), quoted('a "b"'), quoted("it's $5"))
    N=params "split == 'fit'" 'a "b"' 'it'"'"'s $5'
    """
    if text and _SAFE.issuperset(text):
        return text
    if not _LIVE.intersection(text.replace("!= ", "")):
        return f'"{text}"'
    return "'" + text.replace("'", "'\"'\"'") + "'"
