"""The files that the pages read by name, small ones: what a reader has in their place."""

import json
import os
import warnings

import numpy as np
import pandas as pd

from tests.helpers import simulated


def surface(rows, seed):
    runs = simulated(rows, seed)
    return pd.DataFrame({"N": runs["N"], "D": runs["D"], "loss": runs["loss"]})


def mixed(rows, seed):
    """The losses on two domains of runs that were trained on mixtures of three."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([1.0, 1.0, 1.0], rows)
    web, code = (floor + 0.5 * np.exp(shares @ slopes) for floor, slopes in ((2.4, [-2, 0.1, 0]), (1.2, [0.2, -3, 0])))
    noise = np.exp(0.002 * rng.standard_normal((2, rows)))
    losses = {"loss_web": web * noise[0], "loss_code": code * noise[1]}
    return pd.DataFrame({**{f"r{i + 1}": shares[:, i] for i in range(3)}, **losses})


def write_tables(folder):
    """Write every table, log and chart that a page reads."""
    runs = surface(24, seed=3)
    runs.assign(experiment=["a", "b"] * 12).to_csv(folder / "runs.csv", index=False)
    runs.assign(group=["web", "code"] * 12).to_csv(folder / "mixtures.csv", index=False)
    surface(24, seed=4).to_csv(folder / "ours.csv", index=False)
    surface(24, seed=5).to_csv(folder / "theirs.csv", index=False)
    runs.rename(columns={"N": "size", "loss": "eval_loss"}).to_csv(folder / "names.csv", index=False)
    runs.assign(N=runs["N"] / 1e6, D=runs["D"] / 1e9).to_csv(folder / "millions.csv", index=False)
    runs.assign(lr=1e-3, run_id=[f"run-{i // 2}" for i in range(24)]).to_csv(folder / "log.csv", index=False)
    pd.concat([runs.assign(lr=1e-3), runs.assign(lr=2e-3, loss=runs["loss"] + 0.01)]).to_csv(
        folder / "sweep.csv", index=False
    )
    pd.DataFrame({"N": [7e9, 70e9], "D": [140e9, 1.4e12]}).to_csv(folder / "plans.csv", index=False)
    pd.DataFrame({"N": [70e9], "D": [1.4e12], "loss": [1.98]}).to_csv(folder / "finished.csv", index=False)
    size = np.geomspace(1e8, 4e9, 6)
    table = {"N": np.tile(size, 2), "loss": np.append(2 + (size / 1e8) ** -0.3, 1.9 + (size / 1e8) ** -0.28)}
    pd.DataFrame({**table, "recipe": ["ours"] * 6 + ["theirs"] * 6}).to_csv(folder / "recipes.csv", index=False)
    mixed(20, seed=6).to_csv(folder / "domains.csv", index=False)
    steps = np.arange(100, 20_001, 100)
    names = {"run-60M": 2.0, "run-150M": 1.8}
    chart = {f"{run} - val/loss": floor + 5 * (steps + 50.0) ** -0.3 for run, floor in names.items()}
    pd.DataFrame({"Step": steps, **chart}).round(4).to_csv(folder / "chart.csv", index=False)
    (folder / "out").mkdir()
    logged = [{"step": 100, "loss": 3.1}, {"step": 200, "eval_loss": 2.9}]
    state = {"global_step": 200, "num_input_tokens_seen": 2.5e9, "total_flos": 1.9e18, "log_history": logged}
    (folder / "out" / "trainer_state.json").write_text(json.dumps(state))


def write_store(folder):
    """Write a store of MLflow by its own client."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's and SQLAlchemy's own deprecations
        before = os.environ.get("MLFLOW_ALLOW_FILE_STORE")
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        try:
            from mlflow.tracking import MlflowClient

            client = MlflowClient(tracking_uri=str(folder / "mlruns"))
            sweep = client.create_experiment("sweep")
            for name, (N, D, loss) in {"small": (124e6, 2.5e9, 3.2), "base": (1.3e9, 2.6e10, 2.6)}.items():
                run = client.create_run(sweep, run_name=name).info.run_id
                client.log_param(run, "model_size", int(N))
                client.log_param(run, "total_tokens", int(D))
                client.log_metric(run, "eval/loss", loss)
                client.set_terminated(run)
        finally:
            os.environ.pop("MLFLOW_ALLOW_FILE_STORE")
            if before is not None:
                os.environ["MLFLOW_ALLOW_FILE_STORE"] = before
