"""This file does what a user wants where a check of a new fit fails: warn, raise an error, or nothing."""

import warnings
from collections.abc import Sequence
from typing import Any

from scalebayes.errors import shown, unknown
from scalebayes.fitting.first_answer import HERE, settle
from scalebayes.fitting.result import Fit
from scalebayes.status import FitError, FitWarning, Status

CHOICES = "warn", "raise", "ignore"


def check_on_fail(on_fail: Any) -> None:
    """Check the choice before anything is fitted.

    Raises:
        InputError: It is none of "warn", "raise" and "ignore".
    """
    if on_fail not in CHOICES:
        raise unknown("on_fail", on_fail, CHOICES)


def failed_sentence(fit: Fit) -> str:
    """Return the failed checks of a fit as text, which a terminal can show; "" where none failed."""
    return shown("; ".join(f"{check.name}: {check.sentence}" for check in fit.checks.of(Status.FAIL)))


def act(on_fail: str, sentence: str, fits: Sequence[Fit]) -> None:
    """Warn at the caller's line of failed checks, or raise them, or see to it that no later answer warns of them.

    Args:
        on_fail: "warn", "raise" or "ignore".

        sentence: What failed; "" where nothing did.

        fits: The new fits.

    Raises:
        FitError: Something failed, and `on_fail` is "raise".
    """
    if on_fail == "ignore":
        settle(*fits)
    elif sentence and on_fail == "raise":
        raise FitError(sentence)
    elif sentence:
        warnings.warn(sentence, FitWarning, skip_file_prefixes=(HERE,))
