"""Times the peers of the sampler on our posterior, in the paper's coordinates: NumPyro, PyMC, BlackJAX and nutpie.

The model is that of `sb.fit(runs)`, written as a user would write it: log A, log B, alpha, beta, E, log sigma, with
Student-t(4) noise on the log loss. The priors are our defaults in the paper's units, so that every sampler has the same
posterior. For example, A in reference units is LogNormal(-1.2, 1), and so log A given alpha is
Normal(-1.2 + log scale + alpha log N_ref, 1).
"""

import importlib.metadata
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS

from benchmarks.speed.ours import PARAMETERS, Measure, Task, chain_facts, timed
from benchmarks.speed.peers import Table

CHAINS = 4
# Mean and sd of the log of the exponents, of the amplitudes in reference units, and of the noise's scale.
EXPONENT, AMPLITUDE, SCALE = (-1.05, 0.6), (-1.2, 1.0), (math.log(0.01), 1.5)


def _numpyro(table: Table, dense: bool) -> Callable[[int], Measure]:
    """Return a run of NumPyro's `MCMC`, with a dense or a diagonal mass matrix."""
    n, d, y = table.N.mean(), table.D.mean(), table.L.mean()

    def model(log_N: Any, log_D: Any, log_L: Any) -> None:
        alpha = numpyro.sample("alpha", dist.LogNormal(*EXPONENT))
        beta = numpyro.sample("beta", dist.LogNormal(*EXPONENT))
        log_A = numpyro.sample("log_A", dist.Normal(AMPLITUDE[0] + y + alpha * n, AMPLITUDE[1]))
        log_B = numpyro.sample("log_B", dist.Normal(AMPLITUDE[0] + y + beta * d, AMPLITUDE[1]))
        E = numpyro.sample("E", dist.HalfNormal(np.exp(y)))
        log_sigma = numpyro.sample("log_sigma", dist.Normal(*SCALE))
        log_law = jnp.log(E + jnp.exp(log_A - alpha * log_N) + jnp.exp(log_B - beta * log_D))
        numpyro.sample("log_loss", dist.StudentT(4.0, log_law, jnp.exp(log_sigma)), obs=log_L)

    kernel = NUTS(model, dense_mass=dense)
    mcmc = MCMC(
        kernel, num_warmup=500, num_samples=500, num_chains=CHAINS, chain_method="vectorized", progress_bar=False
    )

    def run(seed: int) -> Measure:
        def call() -> Any:
            mcmc.run(jax.random.key(seed), table.N, table.D, table.L, extra_fields=("num_steps",))
            return mcmc.get_samples(group_by_chain=True)

        with jax.enable_x64():
            seconds, samples = timed(call)
            draws = np.stack([np.asarray(samples[name]) for name in PARAMETERS])
            steps = np.asarray(mcmc.get_extra_fields()["num_steps"])
        return Measure(seconds, chain_facts(draws, seconds, steps), draws)

    return run


def _log_density(table: Table) -> Callable[[Any], Any]:
    """Return the log posterior as a function of z = log A, log B, log alpha, log beta, log E, log sigma."""
    n, d, y = table.N.mean(), table.D.mean(), table.L.mean()

    def log_density(z: Any) -> Any:
        log_A, log_B, log_alpha, log_beta, log_E, log_sigma = z
        alpha, beta, E = jnp.exp(log_alpha), jnp.exp(log_beta), jnp.exp(log_E)
        log_law = jnp.log(E + jnp.exp(log_A - alpha * table.N) + jnp.exp(log_B - beta * table.D))
        residual = (table.L - log_law) * jnp.exp(-log_sigma)
        pulls = jnp.stack(
            [
                (log_alpha - EXPONENT[0]) / EXPONENT[1],
                (log_beta - EXPONENT[0]) / EXPONENT[1],
                (log_A - AMPLITUDE[0] - y - alpha * n) / AMPLITUDE[1],
                (log_B - AMPLITUDE[0] - y - beta * d) / AMPLITUDE[1],
                (log_sigma - SCALE[0]) / SCALE[1],
                E * np.exp(-y),
            ]
        )
        likelihood = -2.5 * jnp.log1p(residual**2 / 4).sum() - len(table.L) * log_sigma
        return likelihood - (pulls**2).sum() / 2 + log_E

    return log_density


def _blackjax(table: Table, dense: bool) -> Callable[[int], Measure]:
    """Return a run of BlackJAX's NUTS after window adaptation, with a dense or a diagonal mass matrix."""
    import blackjax

    log_density = _log_density(table)
    centre = np.array([0.3 * table.N.mean(), 0.3 * table.D.mean(), -1.05, -1.05, 0.5, -4.0])

    def chain(key: Any) -> Any:
        key_start, key_warmup, key_draws = jax.random.split(key, 3)
        start = centre + 0.1 * jax.random.normal(key_start, (6,))
        warmup = blackjax.window_adaptation(blackjax.nuts, log_density, is_mass_matrix_diagonal=not dense)
        (state, settings), _ = warmup.run(key_warmup, start, num_steps=500)
        kernel = blackjax.nuts(log_density, **settings)

        def step(state: Any, key: Any) -> Any:
            state, info = kernel.step(key, state)
            return state, (state.position, info.num_integration_steps)

        return jax.lax.scan(step, state, jax.random.split(key_draws, 500))[1]

    chains = jax.jit(jax.vmap(chain))

    def run(seed: int) -> Measure:
        with jax.enable_x64():
            seconds, (z, steps) = timed(lambda: chains(jax.random.split(jax.random.key(seed), CHAINS)))
            draws, steps = np.moveaxis(np.asarray(z), -1, 0).copy(), np.asarray(steps)
        draws[2:5] = np.exp(draws[2:5])
        return Measure(seconds, chain_facts(draws, seconds, steps), draws)

    return run


def _nutpie(compiled: Any, adaptation: str, **lengths: int) -> Callable[[int], Measure]:
    """Return a run of nutpie on a compiled model, with an adaptation of its mass matrix."""
    import nutpie

    def run(seed: int) -> Measure:
        options = {"chains": CHAINS, "cores": 1, "seed": seed, "progress_bar": False, "save_warmup": False, **lengths}
        seconds, trace = timed(lambda: nutpie.sample(compiled, adaptation=adaptation, **options))
        draws = np.stack([np.asarray(trace.posterior[name]) for name in PARAMETERS])
        return Measure(seconds, chain_facts(draws, seconds, trace.sample_stats["n_steps"]), draws)

    return run


def _pymc_model(table: Table) -> Any:
    """Return our posterior as a model of PyMC."""
    import pymc
    import pytensor.tensor as pt

    n, d, y = table.N.mean(), table.D.mean(), table.L.mean()
    with pymc.Model() as model:
        alpha = pymc.LogNormal("alpha", *EXPONENT)
        beta = pymc.LogNormal("beta", *EXPONENT)
        log_A = pymc.Normal("log_A", AMPLITUDE[0] + y + alpha * n, AMPLITUDE[1])
        log_B = pymc.Normal("log_B", AMPLITUDE[0] + y + beta * d, AMPLITUDE[1])
        E = pymc.HalfNormal("E", np.exp(y))
        log_sigma = pymc.Normal("log_sigma", *SCALE)
        log_law = pt.log(E + pt.exp(log_A - alpha * table.N) + pt.exp(log_B - beta * table.D))
        pymc.StudentT("log_loss", nu=4.0, mu=log_law, sigma=pt.exp(log_sigma), observed=table.L)
    return model


def _nutpie_pymc(table: Table) -> Any:
    """Compile a PyMC model by Numba, which is the usual way to use nutpie."""
    import nutpie

    return nutpie.compile_pymc_model(_pymc_model(table), backend="numba")


def _pymc(table: Table) -> Callable[[int], Measure]:
    """Return a run of PyMC's own sampler with its defaults; it makes its functions anew in each call."""
    import pymc

    model = _pymc_model(table)

    def run(seed: int) -> Measure:
        options = {"chains": CHAINS, "cores": 1, "random_seed": seed, "progressbar": False, "nuts_sampler": "pymc"}
        seconds, trace = timed(lambda: pymc.sample(model=model, compute_convergence_checks=False, **options))
        draws = np.stack([np.asarray(trace.posterior[name]) for name in PARAMETERS])
        return Measure(seconds, chain_facts(draws, seconds, trace.sample_stats["n_steps"]), draws)

    return run


def _nutpie_jax(table: Table) -> Any:
    """Use nutpie without PyMC: a Python function calls a jitted JAX density, once for each leapfrog step."""
    from nutpie.compiled_pyfunc import from_pyfunc

    value_and_grad = jax.jit(jax.value_and_grad(_log_density(table)))

    def density() -> Callable[..., Any]:
        def call(z: np.ndarray) -> Any:
            with jax.enable_x64():
                value, gradient = value_and_grad(z)
                return float(value), np.asarray(gradient)

        return call

    def expand(*_: Any) -> Callable[..., Any]:
        def call(z: np.ndarray) -> dict[str, np.ndarray]:
            values = (z[0], z[1], *np.exp(z[2:5]), z[5])
            return {name: np.asarray(value) for name, value in zip(PARAMETERS, values, strict=True)}

        return call

    return from_pyfunc(6, density, expand, [np.dtype("float64")] * 6, [()] * 6, list(PARAMETERS))


def tasks(runs: Any) -> list[Task]:
    """Return the rows of the samplers; a row says so if its package is missing or it can't be set up."""
    table = Table(runs)
    rows: list[tuple[str, tuple[str, ...], Callable[[], Callable[[int], Measure]], str]] = [
        ("numpyro", ("numpyro",), lambda: _numpyro(table, False), "500/500 x 4, MCMC.run"),
        ("numpyro dense", ("numpyro",), lambda: _numpyro(table, True), "500/500 x 4, dense mass matrix"),
        ("pymc", ("pymc",), lambda: _pymc(table), "4 chains, all defaults"),
        ("blackjax", ("blackjax",), lambda: _blackjax(table, False), "500/500 x 4, window adaptation"),
        ("blackjax dense", ("blackjax",), lambda: _blackjax(table, True), "500/500 x 4, dense mass matrix"),
    ]
    builders = (
        ("nutpie PyMC", ("nutpie", "numba", "pymc"), _nutpie_pymc),
        ("nutpie JAX", ("nutpie",), _nutpie_jax),
    )
    for name, packages, compiled in builders:
        note = "4 chains, low-rank mass matrix"
        rows.append((f"{name}, low rank", packages, lambda c=compiled: _nutpie(c(table), "low_rank"), note))
    name, packages, compiled = builders[0]
    long = {"tune": 1500, "draws": 3000}
    rows.append(
        (f"{name}, low rank, long", packages, lambda: _nutpie(compiled(table), "low_rank", **long), "1500/3000 x 4")
    )
    rows.append((name, packages, lambda: _nutpie(compiled(table), "diag"), "4 chains, all defaults"))
    return [_task(*row) for row in rows]


def _task(name: str, packages: tuple[str, ...], make: Callable[[], Any], note: str) -> Task:
    """Return the row of a sampler; it says why it can't run if a package is missing or `make` fails."""
    for package in packages:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return Task("nuts", name, None, note, missing=f"{package} is not installed")
    try:
        return Task("nuts", name, make(), note)
    except Exception as error:  # whatever a peer raises belongs in the table
        return Task("nuts", name, None, note, missing=f"{type(error).__name__}: {error}")
