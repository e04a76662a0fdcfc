"""Copies of a file that are damaged: as a disk, a wire, another program or a malicious hand damages them."""

import io
import json

import h5py
import numpy as np

import scalebayes as sb
from scalebayes.parameters.priors import prior_text
from scalebayes.safe_files.checksum import LENGTH, sealed, unsealed
from scalebayes.safe_files.hdf5 import arrays_of
from scalebayes.safe_files.netcdf import CONTENT, digest_of

# A record's value in place of which anything of another type is damage.
STRANGE = (None, "x", [], {}, float("nan"), -1, [["x"]], True)


def flipped(content, rng):
    """One to sixteen bytes are others."""
    whole = bytearray(content)
    for at in rng.integers(len(whole), size=int(rng.integers(1, 17))):
        whole[at] ^= int(rng.integers(1, 256))
    return bytes(whole)


def cut(content, rng):
    """The end is missing, or a piece in the middle, or the last line alone."""
    first, last = sorted(rng.integers(len(content), size=2).tolist())
    return [content[:first], content[:first] + content[last + 1 :], content[:-LENGTH]][rng.integers(3)]


def zeroed(content, rng):
    """A block of the disk reads as zeros."""
    first = int(rng.integers(len(content) - 4)) // 512 * 512
    return content[:first] + bytes(min(512, len(content) - first)) + content[first + 512 :]


def grown(content, rng):
    """There is more behind the end."""
    return content + rng.bytes(int(rng.integers(1, 1000)))


BYTES = (flipped, cut, zeroed, grown)


def edited(content, change, seal=True, forged=False):
    """A NetCDF file that `change` was made to, which takes an open h5py file.

    seal: whether the checksum at its end is right. forged: whether that of its arrays is too, as a liar would have it.
    """
    whole = io.BytesIO(unsealed(content) or content)
    with h5py.File(whole, "r+") as file:
        change(file)
    if forged:
        found = arrays_of(whole.getvalue())
        with h5py.File(whole, "r+") as file:
            file.attrs[CONTENT] = digest_of(found.groups, found.attrs)
    return sealed(whole.getvalue()) if seal else whole.getvalue()


def datasets(file):
    """The paths of the arrays in a file, in order."""
    found = []
    file.visititems(lambda name, one: found.append(name) if _is_array(one) else None)
    return sorted(found)


def _is_array(one):
    return isinstance(one, h5py.Dataset) and not bytes(one.attrs.get("NAME", b"")).startswith(b"This is a netCDF dim")


def replaced(file, path, values):
    """Put another array in place of one, with its attributes."""
    attrs = {name: x for name, x in file[path].attrs.items() if name == "dtype"}
    del file[path]
    file[path] = values
    file[path].attrs.update(attrs)


def not_finite(values, rng):
    """One number is NaN or infinite; None where the type has none such."""
    if values.dtype.kind != "f" or not values.size:
        return None
    changed = values.copy()
    at = int(rng.integers(values.size))
    changed.flat[at] = rng.choice(
        [x for x in (np.nan, np.inf, -np.inf) if not np.array_equal(x, changed.flat[at], equal_nan=True)]
    )
    return changed


def of_another_type(values, rng):
    """The same numbers in another type."""
    with np.errstate(invalid="ignore", over="ignore"):
        return values.astype(
            rng.choice([x for x in ("f4", "i4", "i8", "f8", "u1", "c16") if np.dtype(x) != values.dtype])
        )


def of_another_shape(values, rng):
    """One number fewer or more, an axis more or fewer, or another order of axes."""
    choices = [values[None], values[..., :-1], np.concatenate([values, values[..., -1:]], axis=-1), values[..., :0]]
    if values.ndim > 1 and values.shape != values.T.shape:
        choices += [values.T, values.ravel()]
    return choices[int(rng.integers(len(choices)))]


ARRAYS = (not_finite, of_another_type, of_another_shape)


def array_change(rng):
    """A change of one array of a file, or its absence."""

    def change(file):
        for path in rng.permutation(datasets(file)):
            how = int(rng.integers(len(ARRAYS) + 1))
            values = None if how == len(ARRAYS) else ARRAYS[how](file[path][()], rng)
            if how == len(ARRAYS):
                del file[path]
                return
            if values is not None:
                replaced(file, path, values)
                return

    return change


def record_change(rng):
    """A change of a file's record: a value gone, or of another type."""

    def change(file):
        holder = file if "scalebayes" in file.attrs else None
        groups = [g for g in file.values() if isinstance(g, h5py.Group) and "scalebayes" in g.attrs]
        holder = groups[int(rng.integers(len(groups)))] if groups and rng.integers(2) else holder
        record = json.loads(holder.attrs["scalebayes"])
        spoilt(record, rng)
        holder.attrs["scalebayes"] = json.dumps(record)

    return change


def attribute_change(rng):
    """A change of a file's own attributes."""

    def change(file):
        ours = sorted(name for name in file.attrs if name.startswith("scalebayes"))
        name = ours[int(rng.integers(len(ours)))]
        if rng.integers(2):
            del file.attrs[name]
        else:
            file.attrs[name] = [7, -1, "x", np.nan, "[" * 5000][int(rng.integers(5))]

    return change


def spoilt(record, rng):
    """Take a value out of a record, somewhere, or put one of another type in its place."""
    place, key = record, None
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[int(rng.integers(len(keys)))]
        inner = place[key]
        if not (isinstance(inner, (dict, list)) and inner) or rng.random() < 0.2:
            break
        place = inner
    if rng.random() < 0.4:
        del place[key]
    else:
        # A number in place of a number is a forgery.
        others = [x for x in STRANGE if _kind(x) is not _kind(inner)]
        place[key] = others[int(rng.integers(len(others)))]


def _kind(value):
    return float if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value)


def facts(found):
    """All numbers of what a file holds, as text and bytes that compare."""
    if isinstance(found, sb.NextRuns):
        yield repr((found.target, found.scale, found.before, found.stop)), str(found.checks)
        yield [(name, str(x.dtype), x.tolist()) for name, x in found.table.items()]
        return
    if isinstance(found, sb.Registered):
        yield found.digest
        return
    if isinstance(found, (sb.Backtest, sb.Comparison, sb.Calibration, sb.RecipeComparison, sb.Strategies)):
        yield sorted((name, repr(x)) for name, x in found.data.attrs.items())
        yield str(getattr(found, "checks", ""))
        for name, x in sorted(found.data.variables.items()):
            yield name, x.dims, x.values.tolist() if x.dtype.kind in "UO" else x.values.tobytes()
        return
    members = {"": found}
    if isinstance(found, sb.Stack):
        members = found.members
        yield repr((found.weights, found.draws, found.seed))
    if isinstance(found, sb.Recalibrated):
        members = {"": found.fit}
        yield repr((found.widening, found.label))
    if isinstance(found, sb.Fits):
        members = dict(zip(found.names, found, strict=True))
    for name, fit in members.items():
        yield name, repr((fit.seed, fit.reference, sorted(fit.numbers.items()), fit.runs.hash, fit.noise))
        yield repr([(name, prior_text(param.prior)) for name, param in fit.problem.params.items()])
        yield [(name, x.dtype.str, x.shape, x.tobytes()) for name, x in (*fit.draws.items(), *fit.sample_stats.items())]
        yield None if fit.origin is None else (fit.origin.runs.hash, fit.origin.cell.tobytes())


def damaged(content, rng):
    """A damaged copy of a NetCDF file, and what was done to it.

    Another number, or other text, with a right checksum is no damage but a forgery, which nothing can tell.
    """
    how = int(rng.integers(8))
    if how < 4:
        one = BYTES[how]
        return one(content, rng), one.__name__
    make, what = {
        4: (array_change(rng), "array"),
        5: (array_change(rng), "array"),
        6: (record_change(rng), "record"),
        7: (attribute_change(rng), "attribute"),
    }[how]
    seal = how == 5 or (how > 5 and bool(rng.integers(2)))
    return edited(content, make, seal), f"{what}, {'right' if seal else 'no'} checksum"


def damaged_batch(content, name, manifest, rng):
    """A damaged file of a folder of batches, and what was done to it.

    name: of the batch. manifest: the path of the folder's, of which a right checksum is too.
    """
    how = int(rng.integers(7))
    if how < 4:
        return BYTES[how](content, rng), BYTES[how].__name__
    with np.load(io.BytesIO(content)) as found:
        arrays = dict(found)
    if how == 4:
        arrays.pop(sorted(arrays)[int(rng.integers(len(arrays)))])
    elif how == 5:
        arrays = {"a": np.arange(3)}
    else:
        key = ("z", "mode/z", "mode/scale", "stats/lp")[int(rng.integers(4))]
        spoilt = ARRAYS[int(rng.integers(1, 3))](arrays[key], rng)
        arrays[key] = np.full_like(arrays[key], np.nan) if key == "z" and rng.integers(2) else spoilt
    whole, seal = io.BytesIO(), bool(rng.integers(2))
    np.savez(whole, **arrays)
    about = name.encode() + b"\n" + json.dumps(json.loads(manifest.read_text()), sort_keys=True).encode()
    told = f"{('array gone', 'other archive', 'array')[how - 4]}, {'right' if seal else 'no'} checksum"
    return sealed(whole.getvalue(), about) if seal else whole.getvalue(), told
