"""What `make test` leaves to `make test-all`: by file, tests that take long and that another test has a part of.

A name with brackets is one case of a test; the cases that aren't named stay. `conftest.py` marks them `slow`.
"""

from types import MappingProxyType

# Laws that stand for their families in the search for noise-free runs; the others are slow there.
QUICK_LAWS = frozenset({"chinchilla", "power", "offset_power", "end_power", "kaplan", "data_constrained"})

SLOW = MappingProxyType(
    {
        "test_averaging.py": ["test_averaging_keeps_what_a_normal_noise_can_know"],
        "test_backtest.py": [
            "test_a_batch_is_the_fits_one_at_a_time",
            "test_an_exact_law_covers_what_it_says",
            "test_by_default_compute_and_three_shares_of_the_runs",
        ],
        "test_bootstrap.py": [
            "test_a_resample_that_decides_nothing_is_told",
            "test_kinked_objectives_are_refitted_too",
            "test_the_reference_is_that_of_all_runs",
            "test_the_spread_is_that_of_the_estimate",
        ],
        "test_calibrate.py": ["test_laplace_is_calibrated_on_few_runs", "test_runs_done_again_share_the_departure"],
        "test_checks.py": [
            "test_one_chain_and_shallow_trees_are_told",
            "test_short_chains_fail",
            "test_two_rows_and_one_are_reviewed_by_every_method",
        ],
        "test_cli.py": [
            "test_noise_settings_fixed_parameters_and_flat_priors",
            "test_observables_that_are_shares_or_negative_and_inputs_that_are_0_or_negative",
        ],
        "test_compare.py": ["test_the_weight_goes_to_the_law_that_made_the_runs"],
        "test_data_constrained.py": [
            "test_all_seven_parameters_are_sampled[1]",
            "test_all_seven_parameters_are_sampled[2]",
            "test_repetition_is_worth_a_term",
        ],
        "test_export.py": ["test_the_example_runs"],
        "test_fit.py": ["test_every_way_to_give_a_prior_forecasts_alike", "test_intervals_cover_simulated_truth"],
        "test_learning_curves.py": [
            f"test_every_curve_is_fitted_in_one_batch[{law}]"
            for law in ("power", "shifted_power", "onset_power", "m4", "broken_power")
        ],
        "test_many.py": [
            "test_keys_of_another_kind",
            "test_laws_and_data_sets_are_crossed",
            "test_nuts_is_the_fit_of_each",
            "test_own_laws_are_saved_and_loaded_beside_the_registry_s",
            "test_poor_weights_are_sampled_again_and_counted",
        ],
        "test_many_machines.py": [
            "test_a_dask_cluster",
            "test_a_dask_worker_that_is_killed",
            "test_a_folder_from_a_machine_with_other_sizes_is_not_misread",
            "test_a_killed_process_is_told_and_its_run_goes_on",
            "test_two_devices",
        ],
        "test_nested.py": [
            "test_against_the_marginal_likelihoods",
            "test_equal_exponents[1]",
            "test_equal_exponents[2]",
        ],
        "test_noise.py": ["test_shares_are_fitted_forecast_and_kept_between_0_and_1[beta]"],
        "test_optimum_discrepancy.py": ["test_a_finer_grid_changes_nothing_that_the_draws_can_tell"],
        "test_recommended.py": ["test_many_runs_are_averaged_but_for_cells_that_scatter"],
        "test_scale_mixture.py": [
            "test_an_outlier_moves_the_fit_less_than_under_normal_noise",
            "test_draws_are_those_of_student_t_without_a_process",
            "test_joint_density_integrates_to_student_t[1.0]",
            "test_joint_density_integrates_to_student_t[60.0]",
            "test_many_at_once",
        ],
        "test_tiny_gpt.py": [
            *(f"test_the_fit_of_one_epoch_passes_its_own_checks[{seed}]" for seed in (1, 2, 3)),
            "test_the_readme_says_what_the_example_prints",
        ],
        "test_train_sweep.py": ["test_goes_on_where_it_was_stopped_and_gives_the_same_losses[2]"],
        "test_user_law.py": ["test_the_posterior_is_the_curve_of_least_squares"],
    }
)


def is_slow(file: str, name: str) -> bool:
    """Whether the test of this file, with its case in brackets, is left to `make test-all`."""
    test, _, case = name.partition("[")
    if test == "test_noise_free_runs_give_the_law_back":
        return case.rstrip("]") not in QUICK_LAWS
    return name in SLOW.get(file, ()) or test in SLOW.get(file, ())
