"""Data sets: fetched once and checked, read from a folder, and what is said where neither can be done."""

import http.server
import json
import lzma
import os
import pickle
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalebayes import datasets
from scalebayes.datasets.base import File
from scalebayes.datasets.unpickle import read_frame
from scalebayes.errors import InputError

PUBLIC = ("chinchilla", "datablations", "porian_isoflop", "learning_curves")

# Raw files in the form of each source, with numbers of our own, and the tidy tables that they stand for.
POINTS = """x,y,color,Model Size,Training FLOP,hex_color,loss
1.5,2.5,#faebdd,1000000.0,6e+17,#faebdd,5.25
1.5,2.5,#faebdd,2000000.0,6e+17,#faebdd,4.0
1.5,2.5,#faebdd,4000000.0,1.2e+18,#faebdd,3.5
1.5,2.5,#faebdd,8000000.0,2.4e+18,#faebdd,3.25
1.5,2.5,#faebdd,16000000.0,9.6e+18,#faebdd,3.125
1.5,2.5,#faebdd,32000000.0,1.92e+19,#faebdd,2.75
"""
CHINCHILLA = """run_id,params,tokens,flops,loss,epoch_excluded
chinchilla_000,1000000.0,100000000000.0,6e+17,5.25,1
chinchilla_001,2000000.0,50000000000.0,6e+17,4.0,1
chinchilla_002,4000000.0,50000000000.0,1.2e+18,3.5,1
chinchilla_003,8000000.0,50000000000.0,2.4e+18,3.25,1
chinchilla_004,16000000.0,100000000000.0,9.6e+18,3.125,1
chinchilla_005,32000000.0,100000000000.0,1.92e+19,2.75,0
"""

CELLS = [
    """NAMES_TO_VAL_LOSSES = {
    "2b84b4b": 3.5E+00,
    # "2b84b4bsubopt": 3.25E+00
    "2b84b81b5": 3.25E+00, ### A REMARK ###
    "2b84b4bc4seed2": 3.375E+00,
    "7m100m100mdedup": 7.5E+00,
    "7m200m100mc4opt2": 7.25E+00,
    # "8b7178b4b": 3.125E+00,
    "8b7178b25b": 0,
}

PARAMS_MAP = {
    "7m": 7.5E+06,
    "2b8": 2.5E+09,
    "8b7": 8.5E+09,
}
""",
    "!wget of/no/use\nprint(NAMES_TO_VAL_LOSSES)\n",
    'NAMES_TO_VAL_LOSSES = {\n    #"2b84b4b": 3.5E+00,\n    "2b84b81b5": 3.25E+00,\n}\n',
]
DATABLATIONS = """run_id,params,tokens,unique_tokens,epochs,flops,loss,in_published_fit,kind,seed
2b84b81b5,2500000000.0,4800000000.0,1500000000.0,3.2,7.2e+19,3.25,1,main,
2b84b4b,2500000000.0,4000000000.0,4000000000.0,1.0,6e+19,3.5,0,outlier,
2b84b4bc4seed2,2500000000.0,4000000000.0,4000000000.0,1.0,6e+19,3.375,0,seed,2
7m100m100mdedup,7500000.0,100000000.0,100000000.0,1.0,4500000000000000.0,7.5,0,dedup,
7m200m100mc4opt2,7500000.0,200000000.0,100000000.0,2.0,9000000000000000.0,7.25,0,shape_opt,
8b7178b4b,8500000000.0,178000000000.0,4000000000.0,44.5,9.078e+21,3.125,0,outlier,
"""

CURVES = (
    "Domain,Task,Model,Seen Examples,Loss,Training\nIC,bird_5,MiX/B/16,1000.0,0.75,1\nIC,bird_5,MiX/B/16,2000.0,0.5,0",
    "Domain,Task,Model,Seen Examples,Loss,Training\nBB,\"('date', '2-shot')\",262M,100.0,0.5,1\n"
    "LM,val_loss,1.68e+07,10.0,0.875,1\nLM,val_loss,1.68e+07,10.0,0.875,1\nLM,val_loss,1.68e+07,10.0,0.875,0\n",
)
LEARNING_CURVES = """run_id,curve_id,domain,task,model,x,y,split,dup
lc_00000,IC|bird_5|MiX/B/16,IC,bird_5,MiX/B/16,1000.0,0.75,train,0
lc_00001,IC|bird_5|MiX/B/16,IC,bird_5,MiX/B/16,2000.0,0.5,test,0
lc_00002,"BB|('date', '2-shot')|262M",BB,"('date', '2-shot')",262M,100.0,0.5,train,0
lc_00003,LM|val_loss|1.68e+07,LM,val_loss,1.68e+07,10.0,0.875,train,0
lc_00004,LM|val_loss|1.68e+07,LM,val_loss,1.68e+07,10.0,0.875,train,1
lc_00005,LM|val_loss|1.68e+07,LM,val_loss,1.68e+07,10.0,0.875,test,0
"""

PORIAN = """run_id,family,dataset,hparams,warmup,decay,param_count,eval,params,tokens,flops,loss,published_n_opt,\
published_n_opt_log_std,published_loss_opt
rw-base-long-kaplan-kaplan-train@1.25e+16#0,rw-base-long-kaplan-kaplan-train,rw,base,long,kaplan,kaplan,train,\
1000.0,250.0,1.25e+16,4.5,1500.0,0.25,4.375
rw-base-long-kaplan-kaplan-train@1.25e+16#1,rw-base-long-kaplan-kaplan-train,rw,base,long,kaplan,kaplan,train,\
2000.0,125.0,1.25e+16,4.25,1500.0,0.25,4.375
rw-base-long-kaplan-kaplan-train@2.5e+16#0,rw-base-long-kaplan-kaplan-train,rw,base,long,kaplan,kaplan,train,\
1000.0,500.0,2.5e+16,4.0,,,
"""


def frame(**columns):
    """A data frame whose text is made of objects, as in the pandas that wrote the source's files."""
    made = pd.DataFrame({name: pd.Series(values, dtype=kind_of(values)) for name, values in columns.items()})
    made.columns = made.columns.astype(object)
    return made


def kind_of(values):
    return float if all(isinstance(value, float | None) for value in values) else object


def summary(protocol=5):
    levels = frame(
        flops=[1.25e16, 2.5e16],
        n=[1500.0, None],
        loss=[4.375, None],
        n_vals=[np.array([1000, 2000]), np.array([1000])],
        t_vals=[np.array([250.0, 125.0]), np.array([500.0])],
        loss_vals=[pd.Series([4.5, 4.25], name="loss"), pd.Series([4.0], index=[3], name="loss")],
        n_stars=[[1.0, 2.0], [3.0, 4.0]],
        n_star_std=[0.25, 0.5],
    )
    setup = {"dataset": "rw", "hparams": "base", "warmup": "long", "decay": "kaplan", "param_count": "kaplan"}
    fits = {"basic": {"n_exponent": np.float64(0.5)}, "bootstrap": [{"n_r2": 0.5}]}
    whole = frame(
        **{name: [value] for name, value in setup.items()}, val=["train"], optimal_pairs=[levels], fit_results=[fits]
    )
    return lzma.compress(pickle.dumps(whole, protocol))


def notebook(cells=CELLS):
    code = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": []} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["NAMES_TO_VAL_LOSSES = {"]}, *code]}).encode()


RAW = {
    "chinchilla": ([POINTS.encode()], CHINCHILLA),
    "datablations": ([notebook()], DATABLATIONS),
    "learning_curves": ([part.encode() for part in CURVES], LEARNING_CURVES),
    "porian_isoflop": ([summary()], PORIAN),
    "porian_isoflop, an older pickle": ([summary(protocol=4)], PORIAN),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, no folder of the user's, and no proxy between the test and its server."""
    monkeypatch.delenv("SCALEBAYES_DATA", raising=False)
    monkeypatch.setenv("SCALEBAYES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path / "cache"


@pytest.fixture
def server():
    """A server on this machine: `files` path -> bytes, `asked` counts the requests, `url` its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.lstrip("/")
            one.asked[path] += 1
            found = one.files.get(path)
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *_):
            pass

    one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.files, one.asked, one.url = {}, Counter(), f"http://127.0.0.1:{one.server_port}"
    thread = threading.Thread(target=one.serve_forever, args=(0.02,))
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join()


@pytest.fixture
def serve(server, monkeypatch):
    """A function that puts a data set on the server, with the hash of the table that it should give."""

    def put(name, contents, table, **changes):
        files = []
        for i, content in enumerate(contents):
            server.files[f"commit/{i}.bin"] = content
            files.append(File(f"{server.url}/commit/{i}.bin", sha256(content).hexdigest() if i else None))
        record = replace(datasets.describe(name), files=tuple(files), sha256=sha256(table.encode()).hexdigest())
        monkeypatch.setitem(datasets._REGISTRY, name, replace(record, **changes))
        return server

    return put


def refused(name="chinchilla"):
    """The message of a load that fails, which is one line and drags no error of another library behind it."""
    with pytest.raises(InputError) as caught:
        datasets.load(name)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize("case", RAW)
def test_the_raw_files_are_fetched_and_tidied_once(case, serve, cache):
    """Fails if a raw file becomes another table than its source stands for, or a second load goes over the network."""
    name, (contents, table) = case.split(",")[0], RAW[case]
    server = serve(name, contents, table)
    first = datasets.load(name)
    assert [path.name for path in cache.iterdir()] == [f"{name}.csv"], "something else stayed in the cache"
    assert (cache / f"{name}.csv").read_text() == table
    assert len(first) == table.count("\n") - 1

    server.files.clear()
    assert datasets.load(name).hash == first.hash
    assert sum(server.asked.values()) == len(contents)


def test_the_filter_is_that_of_read_runs(serve):
    """Fails if a filter of `load` doesn't take the names of the table, or one that keeps no row passes."""
    serve("chinchilla", *RAW["chinchilla"])
    runs = datasets.load("chinchilla", where="epoch_excluded == 0 or params in [2e6]")
    assert runs.inputs["N"].tolist() == [2e6, 32e6]
    assert runs.metadata["filters"] == ["epoch_excluded == 0 or params in [2e6]"]
    with pytest.raises(InputError, match="no rows left of 6"):
        datasets.load("chinchilla", where="params > 1e9")


def test_a_raw_file_that_changed_is_refused(serve, cache):
    """Fails if a raw file that was changed at its source is taken for the published one."""
    record = datasets.describe("chinchilla")
    server = serve("chinchilla", *RAW["chinchilla"])
    url = f"{server.url}/commit/0.bin"
    serve("chinchilla", *RAW["chinchilla"], files=(File(url, record.files[0].sha256),))
    told = refused()
    assert f"{url} doesn't hold what it should (sha256 {record.files[0].sha256})" in told
    assert not list(cache.iterdir())


def test_a_table_that_differs_is_refused(serve, cache):
    """Fails if a tidied table with another hash is taken where the hash of the raw file isn't known."""
    serve("chinchilla", *RAW["chinchilla"], sha256="0" * 64)
    told = refused()
    assert f"has sha256 {sha256(CHINCHILLA.encode()).hexdigest()} and not {'0' * 64}" in told
    assert not list(cache.iterdir())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("chinchilla", b"<html>not found</html>"),
        ("datablations", b"{}"),
        ("datablations", notebook(CELLS[:1])),
        ("porian_isoflop", b"version https://git-lfs.github.com/spec/v1"),
        ("porian_isoflop", lzma.compress(b"no pickle")),
        ("porian_isoflop", lzma.compress(pickle.dumps([1]))),
    ],
)
def test_what_isnt_the_raw_file_is_refused(name, content, serve, cache):
    """Fails if an error page, the pointer of a large file or another pickle is read as the data set, or stays in the
    cache.
    """
    serve(name, [content], RAW[name][1])
    with pytest.raises(InputError, match=f"^{name}: .*; set SCALEBAYES_DATA to a folder that holds {name}.csv"):
        datasets.load(name)
    assert not list(cache.iterdir())


def test_without_a_network_both_ways_are_told(serve, server, cache):
    """Fails if a load without a network ends in a socket's error, and doesn't name the cache and SCALEBAYES_DATA."""
    serve("chinchilla", *RAW["chinchilla"])
    server.shutdown()
    server.server_close()
    told = refused()
    assert f"{server.url}/commit/0.bin can't be fetched (ConnectionError)" in told
    assert f"go online once, and it stays in {cache}" in told
    hashed = sha256(CHINCHILLA.encode()).hexdigest()
    assert f"or set SCALEBAYES_DATA to a folder that holds chinchilla.csv (sha256 {hashed})" in told


def test_a_file_that_is_gone_is_told(serve, server):
    """Fails if a file that is gone at its source isn't told by the server's answer, 404 Not Found."""
    serve("chinchilla", *RAW["chinchilla"])
    server.files.clear()
    assert "can't be fetched (the answer is 404 Not Found)" in refused()


def test_a_damaged_cache_is_told(serve, cache):
    """Fails if a cached table that was edited by hand is taken for the published one."""
    serve("chinchilla", *RAW["chinchilla"])
    datasets.load("chinchilla")
    path = cache / "chinchilla.csv"
    path.write_text(CHINCHILLA.replace("5.25", "5.5"))
    assert refused().startswith(f"{path}: this is not the table of chinchilla")
    path.unlink()
    assert len(datasets.load("chinchilla")) == 6


def test_a_cache_that_cant_be_written_is_told(serve, cache, monkeypatch):
    """Fails if a cache folder that can't be written to ends in an error that doesn't name it."""
    serve("chinchilla", *RAW["chinchilla"])
    cache.write_text("a file where a folder should be")
    monkeypatch.setenv("SCALEBAYES_CACHE", str(cache / "below"))
    assert f"the cache {cache / 'below'} can't be written to" in refused()


def test_a_folder_of_the_users_own_is_read_instead(tmp_path, monkeypatch, serve, server, cache):
    """Fails if SCALEBAYES_DATA isn't read in place of the network, or a table in it isn't checked."""
    serve("chinchilla", *RAW["chinchilla"])
    monkeypatch.setenv("SCALEBAYES_DATA", str(tmp_path))
    told = refused()
    assert told.startswith(f"there is no chinchilla.csv in {tmp_path}, the folder that SCALEBAYES_DATA names")
    path = tmp_path / "chinchilla.csv"
    path.write_text(CHINCHILLA + "x,1,1,6,3,0\n")
    assert refused().startswith(f"{path}: this is not the table of chinchilla (sha256")
    path.write_text(CHINCHILLA)
    assert len(datasets.load("chinchilla")) == 6
    assert not server.asked
    assert not cache.exists()


class Call:
    """What a pickle asks to be called when it is read."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def test_a_pickle_cant_run_anything(tmp_path, serve, cache):
    """Fails if a pickle that was slipped in runs code with all that the user may do."""
    mark = tmp_path / "ran"
    attacks = (
        Call(os.mkdir, str(mark)),
        Call(eval, f"__import__('os').mkdir({str(mark)!r})"),
        Call(Path.touch, mark),
        Call(np.save, str(mark), np.ones(1)),
        Call(pd.read_pickle, str(mark)),
        Call(getattr, "text", "upper"),
    )
    for attack in attacks:
        for content in (attack, frame(dataset=[attack]), frame(dataset=["rw"], optimal_pairs=[frame(n=[attack])])):
            with pytest.raises(InputError, match=r"the pickle asks for [\w.]+, which no table of numbers needs"):
                read_frame(pickle.dumps(content))
    serve("porian_isoflop", [lzma.compress(pickle.dumps(attacks[0]))], PORIAN)
    assert refused("porian_isoflop").startswith(f"porian_isoflop: the pickle asks for {os.mkdir.__module__}.mkdir,")
    assert not mark.exists()
    assert not list(cache.iterdir())


def test_an_array_of_pointers_is_refused():
    """Fails if a pickled array of objects is read, whose bytes would be followed as addresses."""
    with pytest.raises(InputError, match="the pickle asks for an array of type 'V8'"):
        read_frame(pickle.dumps(np.zeros(1, dtype=[("address", "O")])))


def test_every_record_says_where_it_comes_from():
    """Fails if a data set lacks a pinned source, a licence, a hash or a reference, without which it can't be passed
    on.
    """
    assert set(datasets.names()) == {*PUBLIC, "tiny_gpt", "tiny_gpt_tuning"}
    for name in PUBLIC:
        record = datasets.describe(name)
        commit = record.source.split("/tree/")[1].split("/")[0]
        assert len(commit) == 40
        assert all(f"/{commit}/" in file.url and file.url.startswith("https://") for file in record.files)
        assert len(record.sha256) == 64
        assert record.licence
        assert "arXiv" in record.reference
        assert record.sha256 not in repr(record), "what a user reads is about the data, not about its machinery"
    with pytest.raises(InputError, match="unknown data set 'porian'; did you mean 'porian_isoflop'"):
        datasets.describe("porian")


def test_naming_the_data_sets_loads_nothing_heavy():
    """Fails if naming the data sets loads JAX, pandas, pooch or requests."""
    heavy = ["jax", "pandas", "pooch", "requests"]
    program = f"import sys, scalebayes as sb; sb.datasets.names(); print([n for n in {heavy} if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True)
    assert ran.stdout.strip() == "[]"


REAL = {
    "chinchilla": ("epoch_excluded == 0", 240, {"N", "D", "C"}, {"run_id"}),
    "datablations": ("in_published_fit == 1", 182, {"N", "D", "C", "U", "epochs"}, {"run_id", "kind"}),
    "porian_isoflop": (
        "family == 'rw-tuned-short-const-standard-val'",
        121,
        {"N", "D", "C", "published_n_opt"},
        {"run_id", "group", "param_count", "eval"},
    ),
    "learning_curves": ("dup == 0 and split == 'train'", None, {"x"}, {"run_id", "curve_id", "domain", "split"}),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_published_tables_load(name, data_path, monkeypatch):
    """Fails if a public table loads with rows missing, or under another name, unit or observable."""
    path = data_path / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {data_path}: set SCALEBAYES_DATA to the folder of data sets")
    monkeypatch.setenv("SCALEBAYES_DATA", str(data_path))
    where, kept, inputs, labels = REAL[name]
    runs, record = datasets.load(name), datasets.describe(name)
    assert len(runs) == record.rows
    assert inputs <= set(runs.inputs)
    assert labels <= set(runs.labels)
    some = datasets.load(name, where=where)
    assert len(some) == kept if kept else len(some) < len(runs)
    if name == "learning_curves":
        assert (runs.observable, runs.range, runs.unit) == ("y", (0.0, 1.0), "")
        assert len(set(runs.labels["curve_id"])) == 92
    else:
        assert (runs.observable, runs.unit) == ("loss", "nats/token")
        assert np.allclose(runs.inputs["C"], 6 * runs.inputs["N"] * runs.inputs["D"])
