"""This file adds a checksum to the end of a file, and checks that the file was not changed since."""

import hashlib
import hmac

BEGIN = b"\nscalebayes sha256 "
LENGTH = len(BEGIN) + 64 + 1  # bytes of the line with the checksum: its beginning, 64 hex digits, a line end


def sealed(content: bytes, about: bytes = b"") -> bytes:
    """Add a line with the SHA-256 of a file's content, and of `about`, to the end of the content.

    Args:
        content: The content of the file.

        about: Bytes that are part of the checksum but not of the file. The default is b"".

    Returns:
        The content with the line at its end.

    >>> unsealed(sealed(b"draws")), unsealed(b"draws")
    (b'draws', None)
    """
    return b"".join([content, BEGIN, _digest(content, about), b"\n"])


def unsealed(whole: bytes, about: bytes = b"") -> bytes | None:
    """Check a file's checksum, which `sealed` added, and return the content without it; None if the line is not there.

    Raises:
        ValueError: The content, the checksum or `about` is not the one that was sealed.
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
