"""What `make test` leaves to `make test-all`, by file, since it takes long: mostly further cases of a test that stays.

A name with brackets is one case of a test, a name without is all of it. Some are the only ones to hold what they hold,
so `make test-all` is run after a change there. What isn't named here runs in `make test`, as a new law does.
"""

from types import MappingProxyType

# Laws whose search for noise-free runs compiles longest.
SLOW_LAWS = (
    *("data_filtering", "distillation", "end_onset", "error_exponential", "farseer", "loss_to_loss"),
    *("mixture_additive", "parallel", "precision", "rosenfeld", "sigmoid_compute", "transfer"),
)

SLOW = MappingProxyType(
    {
        "test_backtest.py": [
            "test_a_batch_is_the_fits_one_at_a_time",
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
            "test_two_rows_and_one_are_reviewed_by_every_method",
        ],
        "test_cli.py": [
            "test_noise_settings_fixed_parameters_and_flat_priors",
            "test_observables_that_are_shares_or_negative_and_inputs_that_are_0_or_negative",
        ],
        "test_columns.py": [
            "test_an_offset_a_group_leaves_nothing_of_an_experiment",
            "test_the_recommended_forecast_sees_the_columns_that_its_averages_drop",
        ],
        "test_data_constrained.py": [
            "test_all_seven_parameters_are_sampled[1]",
            "test_all_seven_parameters_are_sampled[2]",
            "test_repetition_is_worth_a_term",
        ],
        "test_export.py": ["test_the_example_runs"],
        "test_fallback.py": ["test_no_curve_of_fine_tuning_stays_with_weights_that_fail"],
        "test_fit.py": ["test_every_way_to_give_a_prior_forecasts_alike"],
        "test_laws.py": [f"test_noise_free_runs_give_the_law_back[{law}]" for law in SLOW_LAWS],
        "test_learning_curves.py": [
            f"test_every_curve_is_fitted_in_one_batch[{law}]"
            for law in ("power", "shifted_power", "onset_power", "m4", "broken_power")
        ],
        "test_many.py": [
            "test_keys_of_another_kind",
            "test_laws_and_data_sets_are_crossed",
            "test_nuts_is_the_fit_of_each",
            "test_own_laws_are_saved_and_loaded_beside_the_registry_s",
        ],
        "test_many_machines.py": [
            "test_a_dask_cluster",
            "test_a_dask_worker_that_is_killed",
            "test_a_folder_from_a_machine_with_other_sizes_is_not_misread",
            "test_a_killed_process_is_told_and_its_run_goes_on",
        ],
        "test_misfit.py": ["test_the_recommended_forecast_refuses_a_score_that_rises"],
        "test_nested.py": [
            *(f"test_against_the_marginal_likelihoods[E-{case}]" for case in ("0.0-1", "0.004-2", "0.008-3", "0.03-4")),
            *(
                f"test_against_the_marginal_likelihoods[E and alpha-{case}]"
                for case in ("0.0-0", "0.0-1", "0.03-2", "0.25-4")
            ),
            "test_equal_exponents[1]",
            "test_equal_exponents[2]",
        ],
        "test_noise.py": ["test_shares_are_fitted_forecast_and_kept_between_0_and_1[beta]"],
        "test_optimum_discrepancy.py": ["test_a_finer_grid_changes_nothing_that_the_draws_can_tell"],
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
    return name in SLOW.get(file, ()) or name.partition("[")[0] in SLOW.get(file, ())
