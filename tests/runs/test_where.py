"""The filter grammar: what it keeps, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalebayes.errors import InputError
from scalebayes.runs.where import parse_where

COLUMNS = {
    "N": np.array([1.0, 2.0, np.nan]),
    "kind": np.array(["main", None, "seed"], dtype=object),
    "train/loss": np.array([1, 2, 3]),
    "µ": np.arange(3),
    "lambda": np.arange(3),
    "two  spaces": np.arange(3),
    "flag": np.array([True, False, True]),
    "blank": np.full(3, np.nan),
    "run_id": np.array(["1", "2", "10"], dtype=object),
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("N < 2", [0]),
        ("N != 2", [0, 2]),
        ("not N < 2", [1, 2]),
        ("N == N", [0, 1]),
        ("1 < N <= 2e21", [1]),
        ("N > -1", [0, 1]),
        ("N > +1", [1]),
        ("N < 1e22 and N < 1000000000000000000000000", [0, 1]),
        ("N in [1, -2]", [0]),
        ("N not in (1, 3)", [1, 2]),
        ("kind == 'main'", [0]),
        ('"main" == kind', [0]),
        ("kind != 'main'", [1, 2]),
        ("kind in ['main', 'dev']", [0]),
        ("kind not in ('main',)", [1, 2]),
        ("kind > 'n'", [2]),
        ("`train/loss` >= 2 and µ < 2", [1]),
        ("lambda == 1 or `two  spaces` == 0", [0, 1]),
        ("flag == True", [0, 2]),
        ("flag == 0", [1]),
        ("blank == 'x' or blank == 3", []),
        ("blank != 'x'", [0, 1, 2]),
        ("run_id == '1'", [0]),
        ("N == 1 or N == 2 and kind == 'main'", [0]),
        ("(N == 1 or N == 2) and not kind == 'main'", [1]),
        ("N\n<\n2", [0]),
    ],
)
def test_rows_kept(text, kept):
    """Fails if a filter keeps other rows than its words say, also beside blanks, text and odd names."""
    assert np.flatnonzero(parse_where(text).mask(COLUMNS)).tolist() == kept


def test_names_are_those_of_the_columns_in_order_once():
    """Fails if a filter takes its text for a column, or names a column twice or not at all."""
    assert parse_where("`train/loss` > 1 and N < 2 and 'kind' != kind and N > 0").names == ("train/loss", "N", "kind")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("__import__('os')", "a call"),
        ("__import__('os').system('true') == 0", "a call"),
        ("kind.__class__ == 'main'", "an attribute"),
        ("N.real < 3", "an attribute"),
        ("N + 1 > 2", "arithmetic"),
        ("train/loss > 2", "backticks"),
        ("9 ** 9 ** 9 > N", "arithmetic"),
        ("N[0] > 1", "an index"),
        ("(lambda: 0)() == N", "can't be read"),
        ("[x for x in N] == 1", "can't be read"),
        ("f'{N}' == 'a'", "can't be read"),
        ("N if N else N", "can't be read"),
        ("(N := 3)", "an assignment"),
        ("N := 3", "write =="),
        ("N = 2", "write =="),
        ("N <> 2", "write !="),
        ("N > 1 AND N < 3", "write and"),
        ("N > 1 && N < 3", "write and"),
        ("(N > 1) & (N < 3)", "write and, or"),
        ("(N > 1) | (N < 3)", "write and, or"),
        ("~(N > 1)", "write not"),
        ("!(N > 1)", "write not"),
        ("N is 2", "write =="),
        ("N > 70B", "write 70e9"),
        ("N > 1_B", "'1_B' is not a number"),
        ("N", "N alone is no comparison"),
        ("True", "True alone is no comparison"),
        ("1 == 1", "names no column"),
        ("kind == None", "None is no literal"),
        ("kind in 'main'", "takes a column and a list"),
        ("'x' in kind", "takes a column and a list"),
        ("N in []", "takes a column and a list"),
        ("N in [kind]", "nothing else"),
        ("N in [1] == True", "can't be chained"),
        ("kind == 'main", "quote ' is not closed"),
        ("`N < 2", "quote ` is not closed"),
        ("(N < 2", "brackets don't pair up"),
        ("N < 2)", "brackets don't pair up"),
        ("N < (N < 2)", "a comparison of a comparison"),
        ("N > -kind", "a sign before something else"),
        ("f(" + "N, " * 1000 + ") == 1", "a call"),
        ("N == 1j", "not in the grammar"),
        ("N == 1 # and so on", "can't be read"),
        ("N == 1; N == 2", "can't be read"),
        ("N == 1\x00", "can't be read"),
        ("", "empty"),
        (" \n ", "empty"),
        ("not " * 60 + "N == 1", "nests deeper"),
        ("not " * 100_000 + "N == 1", "can't be read"),
        ("(" * 300 + "N == 1" + ")" * 300, "can't be read"),
        ("N > " + "9" * 5000, "can't be read"),
    ],
)
def test_refused_on_one_line_with_what_is_allowed(text, told):
    """Fails if a filter can call, index or compute anything, or is refused without a line that says what is allowed."""
    with pytest.raises(InputError) as refused:
        parse_where(text)
    message = str(refused.value)
    assert told in message
    assert "allowed are column names" in message
    assert "\n" not in message and len(message) < 500


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kinds == 'main'", ["unknown column 'kinds'", "did you mean 'kind'?", "valid: N, kind, train/loss"]),
        ("kind < 3", ["column 'kind' holds text ('main')", "3 is a number", "quotes"]),
        ("N == 'main'", ["column 'N' holds numbers", "'main' is text"]),
        ("N in ['main']", ["column 'N' holds numbers", "'main' is text"]),
        ("run_id == 1", ["column 'run_id' holds text ('1')", "1 is a number"]),
        ("N < kind", ["column 'N' holds numbers", "column 'kind' holds text"]),
    ],
)
def test_columns_that_cannot_be_compared(text, told):
    """Fails if text is compared with a number, or an unknown column is refused without its nearest name."""
    with pytest.raises(InputError) as refused:
        parse_where(text).mask(COLUMNS)
    assert all(part in str(refused.value) for part in told), str(refused.value)


def test_only_text_is_a_filter():
    """Fails if a filter that isn't text isn't refused by an error that shows it."""
    with pytest.raises(InputError, match="where=3 is not text"):
        parse_where(3)


NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.just(float("nan")))
WORDS = st.one_of(st.none(), st.sampled_from(["a", "b", "it's"]))
SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
TESTS = st.recursive(
    st.one_of(
        st.builds("x {} {}".format, SIGNS, st.integers(-3, 3)),
        st.builds("{} {} y".format, st.integers(-3, 3), SIGNS),
        st.builds("x {} y".format, SIGNS),
        st.builds("{} < x {} y".format, st.integers(-3, 3), SIGNS),
        st.builds("x in {}".format, st.lists(st.integers(-3, 3), min_size=1)),
        st.builds('word {} "{}"'.format, st.sampled_from(["==", "!="]), st.sampled_from(["a", "it's"])),
        st.builds("word not in {}".format, st.lists(st.sampled_from(["a", "b"]), min_size=1)),
    ),
    lambda test: st.one_of(
        st.builds("({} and {})".format, test, test),
        st.builds("({} or {})".format, test, test),
        st.builds("(not {})".format, test),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, WORDS), min_size=1, max_size=8), TESTS)
def test_the_same_rows_as_a_pandas_query(rows, text):
    """Fails if any filter of the grammar keeps other rows than a pandas query with the same words."""
    frame = pd.DataFrame(rows, columns=["x", "y", "word"]).astype({"x": float, "y": float, "word": object})
    columns = {name: frame[name].to_numpy() for name in frame}
    kept = frame.query(text, engine="python").index
    assert np.flatnonzero(parse_where(text).mask(columns)).tolist() == kept.tolist()
