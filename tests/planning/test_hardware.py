"""Devices, and budgets in dollars, device hours and days."""

import dataclasses

import numpy as np
import pytest

import scalebayes as sb
from scalebayes.planning.hardware import PRESETS, budget, positive_array, spending

OWN = sb.Hardware("own", peak_flops=1e15, mfu=0.5, price_per_hour=2.0, watts=500.0)
HOUR = 1.8e18  # FLOPs that it does in one: 1e15 FLOP/s x .5 x 3600 s


def test_budgets_are_those_of_arithmetic():
    """Fails if a unit is off: an hour is 3,600 s, a day 24 h, a price one device's, a peak times its utilisation."""
    np.testing.assert_allclose(budget(C=1e23), [1e23])
    np.testing.assert_allclose(budget(gpu_hours=3, on=OWN), [3 * HOUR])
    np.testing.assert_allclose(budget(dollars=3, on=OWN), [1.5 * HOUR])
    np.testing.assert_allclose(budget(days=3, devices=8, on=OWN), [3 * 24 * 8 * HOUR])


def test_budgets_come_as_a_row():
    """Fails if one budget, a list or an array of them isn't float64 (budget,)."""
    for C, shape in ((1e23, (1,)), ([1e22, 1e23], (2,)), (np.geomspace(1e18, 1e24, 7), (7,)), (10**23, (1,))):
        found = budget(C=C)
        assert found.shape == shape
        assert found.dtype == np.float64
    assert budget(dollars=[1e5, 1e6, 1e7], on="h100").shape == (3,)


@pytest.mark.parametrize("name", PRESETS)
def test_spending_undoes_budget(name):
    """Fails if what a budget buys costs another amount, in any unit and on any preset."""
    amounts = np.geomspace(1, 1e8, 9)
    for unit in ("dollars", "gpu_hours", "days"):
        C = budget(**{unit: amounts}, on=name, devices=1024)
        np.testing.assert_allclose(spending(C, on=name, devices=1024)[unit], amounts, rtol=1e-14)


def test_spending_says_what_is_known():
    """Fails if days are made up without devices, or kWh without watts, or the shape of draws is lost."""
    C = np.full((5, 3), 10 * HOUR)
    assert set(spending(C, on=OWN)) == {"gpu_hours", "dollars", "kWh"}
    assert set(spending(C, on="tpu_v5p", devices=2)) == {"gpu_hours", "dollars", "days"}
    found = spending(C, on=OWN, devices=2)
    for unit, amount in dict(gpu_hours=10, dollars=20, days=5 / 24, kWh=5).items():
        np.testing.assert_allclose(found[unit], np.full((5, 3), amount), rtol=1e-14)


def test_presets_are_those_of_the_data_sheets():
    """Fails if a peak is one with sparsity, twice what dense training can get, or a number has no source and date."""
    dense = dict(h100=989.4e12, h200=989.4e12, b200=2.25e15, a100=312e12, tpu_v5p=459e12, tpu_v4=275e12)
    assert {name: one.peak_flops for name, one in PRESETS.items()} == dense
    for name, one in PRESETS.items():
        assert one.name == name
        assert "$:" in one.source and "202" in one.source and "check yours" in one.source
    assert sb.Hardware.of("TPU-v5p") is PRESETS["tpu_v5p"]
    assert sb.Hardware.of(OWN) is OWN


def test_a_price_of_ones_own():
    """Fails if a preset can't be given another price, or the new number isn't held to its range."""
    cheap = dataclasses.replace(sb.Hardware.of("h100"), price_per_hour=1.475)
    np.testing.assert_allclose(budget(dollars=1e6, on=cheap), 2 * budget(dollars=1e6, on="h100"))
    with pytest.raises(sb.InputError, match="price_per_hour"):
        dataclasses.replace(cheap, price_per_hour=-1)


def test_devices_that_cost_nothing():
    """Fails if a cluster of one's own can't be asked for hours, or its dollars are infinite FLOPs."""
    free = dataclasses.replace(OWN, price_per_hour=0)
    np.testing.assert_allclose(budget(gpu_hours=1, on=free), [HOUR])
    assert spending(HOUR, on=free)["dollars"] == 0
    with pytest.raises(sb.InputError, match="give gpu_hours="):
        budget(dollars=1, on=free)


def hardware(**changed):
    return lambda: sb.Hardware(**{**dict(name="own", peak_flops=1e15, mfu=0.4, price_per_hour=2.0), **changed})


WRONG = {
    "negative price": (
        hardware(price_per_hour=-2),
        "Hardware 'own': a price_per_hour that isn't 0 is a positive number, not -2",
    ),
    "price in words": (hardware(price_per_hour="2 $"), "a price_per_hour that isn't 0 is a positive number"),
    "mfu of 0": (hardware(mfu=0), "mfu is a positive number"),
    "mfu in percent": (hardware(mfu=40), "40 % is mfu=0.4"),
    "mfu above all": (hardware(mfu=400), "at most 1, not 400"),
    "teraflops": (hardware(peak_flops=989), "989 TFLOP/s is 989e12"),
    "watts": (hardware(watts=0), "watts is a positive number, not 0"),
    "no name": (hardware(name=""), "name is a text"),
    "misspelt setting": (lambda: sb.Hardware("own", 1e15, 0.4, 2.0, wats=3), "did you mean 'watts'"),
    "unknown": (lambda: sb.Hardware.of("h10"), "unknown hardware 'h10'; did you mean 'h100'?"),
    "not a name": (lambda: budget(gpu_hours=1, on=3), "valid: h100, h200"),
    "a list": (lambda: budget(gpu_hours=1, on=["h100", "a100"]), "valid: h100, h200"),
    "no budget": (lambda: budget(on="h100"), "give a budget: C=1e23"),
    "two budgets": (lambda: budget(C=1e23, dollars=1e6, on="h100"), "not C= and dollars="),
    "no hardware": (lambda: budget(dollars=5e5), "dollars=500000.0, on='h100'"),
    "no hardware, days": (lambda: budget(days=30), "days=30, on='h100', devices=1024"),
    "no devices": (lambda: budget(days=30, on="h100"), "days=30, devices=1024"),
    "half a device": (lambda: budget(days=30, on="h100", devices=0.5), "devices is a whole number"),
    "no device": (lambda: spending(1e23, on="h100", devices=0), "devices is a positive number"),
    "negative": (lambda: budget(C=-1e23), "C is a positive number or a list of them, not -1e+23"),
    "one of a list": (lambda: budget(C=[1e22, np.nan]), "number 2 is nan"),
    "words": (lambda: budget(dollars="2M", on="h100"), "dollars is a positive number or a list of them, not '2M'"),
    "empty": (lambda: budget(C=[]), "array of shape (0,)"),
    "a table": (lambda: budget(C=[[1e22]]), "array of shape (1, 1)"),
    "misspelt keyword": (lambda: budget(dollar=2e6, on="h100"), "did you mean 'dollars'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_on_one_line(case):
    """Fails if wrong input is taken, or ends without a line that says what to type."""
    call, cure = WRONG[case]
    with pytest.raises(sb.InputError) as told:
        call()
    assert cure in str(told.value)
    assert "\n" not in str(told.value)


def test_what_a_cure_says_works():
    """Fails if what an error says to type is refused in its turn."""
    assert budget(days=30, on="h100", devices=1024).shape == (1,)
    assert positive_array("C", 1e23) == 1e23
