"""What a type checker is told of the public functions."""

import inspect

import scalebayes as sb
from scalebayes.discrepancy.gp import Departure

TYPES = {"seed": sb.Seed, "method": sb.Method, "discrepancy": Departure}
FUNCTIONS = [one for name in sb.__all__ if inspect.isfunction(one := getattr(sb, name)) and name != "noises"]


def test_settings_have_types():
    """Fails if a function takes any value for a setting, so that no checker finds method="nut" or seed="a"."""
    seen = set()
    for function in FUNCTIONS:
        for name, parameter in inspect.signature(function).parameters.items():
            # backtest takes several discrepancies
            if name in TYPES and not (function is sb.backtest and name == "discrepancy"):
                assert parameter.annotation == TYPES[name], f"{function.__name__}({name}=...)"
                seen.add(name)
    assert seen == set(TYPES)
