"""A checksum at the end of a file, which says whether the rest is as it was written."""

import hashlib
import hmac

BEGIN = b"\nscalebayes sha256 "
LENGTH = len(BEGIN) + 64 + 1


def sealed(content: bytes, about: bytes = b"") -> bytes:
    """Content with the line at its end that holds the SHA-256 of it, and of what it is `about`.

    >>> unsealed(sealed(b"draws")), unsealed(b"draws")
    (b'draws', None)
    """
    return b"".join([content, BEGIN, _digest(content, about), b"\n"])


def unsealed(whole: bytes, about: bytes = b"") -> bytes | None:
    """The content that `sealed` took, None where there is no such line.

    Raises:
        ValueError: content, line or what it is about isn't what was sealed.
    """
    content, end = whole[:-LENGTH], whole[-LENGTH:]
    if not end.startswith(BEGIN):
        return None
    if not hmac.compare_digest(end[len(BEGIN) :], _digest(content, about) + b"\n"):
        raise ValueError("the checksum at the file's end is not that of its content")
    return content


def _digest(content: bytes, about: bytes) -> bytes:
    digest = hashlib.sha256(b"%d " % len(about))
    digest.update(about)
    digest.update(content)
    return digest.hexdigest().encode()
