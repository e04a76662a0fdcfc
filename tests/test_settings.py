"""Every public function names a keyword that it doesn't know, with the nearest that it knows."""

import inspect

import pytest

import scalebayes as sb

# These take names of the caller's own as keywords: priors of a `GP`, parameters, inputs. Their own tests hold them.
OPEN = ("GP", "savage_dickey", "plot_law", "plot_law_data", "predict", "probability", "register")
FUNCTIONS = [
    name
    for name in sb.__all__
    if inspect.isfunction(getattr(sb, name)) and name not in OPEN and inspect.signature(getattr(sb, name)).parameters
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_unknown_keyword_is_told(name):
    """Fails if a misspelt keyword ends in a bare TypeError, or is told after the work is done."""
    function = getattr(sb, name)
    known = list(inspect.signature(function).parameters)
    wrong = f"{known[-1]}x"
    with pytest.raises(sb.InputError, match=wrong) as told:
        function(**{wrong: 1})
    assert f"did you mean {known[-1]!r}?" in str(told.value)
