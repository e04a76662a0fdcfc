"""This file has every threshold of the checks: its unit, what happens above or below it, and its source.

Thresholds by which a method decides to go on are in `infer/`, and checks share them: r-hat and the share of divergences
are in `nuts.py`, k-hat is in `laplace.py`. The limits of N, D and C by which a table's units are read are in
`runs/names.py`. "By choice" means that the number has no source but our judgement.
"""

# --- inputs ----------------------------------------------------------------------------------------------------------

# Absolute correlation of the logs of two inputs: above it the inputs are collinear, which is a review. By choice.
COLLINEAR = 0.95
# Relative difference of an input: two rows that differ by less in every input are duplicates if they have the same
# observable too. It is the rounding of an input that is written with six digits. Rows that differ by more are separate
# runs, whatever their observable is: in digitised tables, such as Chinchilla's, losses are the same by chance.
DUPLICATES_WRITTEN = 1e-5
# Relative shift of the observable of a setting's best run by luck: above it the check is a review. It is about what
# two seeds differ by.
BEST_LUCK = 0.003
# BEST_EDGE: share of the settings that are best at one end of the values that were tried. From it on the sweep didn't
# reach far enough, which is a review. BEST_FEWEST_SETTINGS: number of settings. With fewer the share isn't looked at.
# Both by choice.
BEST_EDGE, BEST_FEWEST_SETTINGS = 0.4, 4

# --- units and compute -----------------------------------------------------------------------------------------------

# |log(C / 6ND)| at the ends of the middle nine tenths of the runs: from it on rounding doesn't explain the difference,
# and the check doesn't pass.
COMPUTE_OFF = 0.1
# Distance of log10(C / 6ND) from a power of a thousand: below it units are guessed from that power. The C of a run in
# the right units differs from 6ND by a factor of 3 at most.
COMPUTE_APART = 0.5
# log10 of the ratio of C / 6ND between both ends of the middle nine tenths of the runs: from it on no unit explains
# the difference, and none is guessed.
COMPUTE_SPREAD = 1.0
# Median N (parameters) and median D (tokens), where the other of the two is surely in another unit: below it this one
# is in another unit too. For example, N = 1,100 means 1.1B parameters beside D = 16, which means 16B tokens.
UNITS_DOUBTED = {"N": 1e5, "D": 1e6}
# Median N (parameters) and median D (tokens): if both are below, both are in another unit, such as millions.
UNITS_SMALL = {"N": 1e4, "D": 1e5}
# Median number of tokens a parameter: below the first or above the second, N or D is in another unit. The single runs
# that we looked at lie between 0.005 and 1e4.
UNITS_RATIO = (1e-3, 1e6)
# Tokens a parameter: each decade between it and the median in the guessed units is a penalty of one decade.
UNITS_TYPICAL = 50.0
# Power of ten of a unit in which tables are written -> how unlikely it is, in decades: a unit with the penalty 1.5 is
# as unlikely as a median that is 1.5 decades away from `UNITS_TYPICAL`. By choice.
UNITS_POWERS = {
    "N": {0: 0.0, 3: 1.5, 6: 0.0, 9: 0.5, -6: 1.0},
    "D": {0: 0.0, 3: 1.5, 6: 1.0, 9: 0.0, 12: 0.5, -9: 1.0},
}
# Median N (parameters) and median D (tokens): outside, a guessed unit has a penalty of 3 decades.
UNITS_USUAL = {"N": (1e4, 1e14), "D": (1e6, 1e17)}

# --- mixture shares, repetition --------------------------------------------------------------------------------------

# Distance of the sum of a row's shares from one: above it the check is a review.
SHARES_ROUNDED = 0.02
# Median sum of the shares, which should be one, or the largest value of a single share: above it they are per cent,
# and the fit fails.
SHARES_PERCENT = 3.0
# Epochs. Up to REPETITION_ONCE a run sees its corpus once, but for rounding. Above REPETITION_HARMLESS the check is a
# review, if the law takes repeated tokens for new ones. Up to four epochs repeated tokens are worth nearly as much as
# new ones (Muennighoff et al., arXiv 2305.16264).
REPETITION_ONCE, REPETITION_HARMLESS = 1.01, 4.0

# --- the search for the mode -----------------------------------------------------------------------------------------

# STARTS_AGREE: nats below the best start; up to it a start ended at the mode. For an objective, which has no nats, the
# limit is the share STARTS_AGREE_OF_OBJECTIVE of its value plus STARTS_FLOOR.
STARTS_AGREE, STARTS_AGREE_OF_OBJECTIVE, STARTS_FLOOR = 1e-3, 1e-6, 1e-14
# Nats below the mode, and distance from it in posterior sds: a start that ended less than the first below and more
# than the second away is at a second mode, which is a review.
STARTS_RIVAL_NATS, STARTS_RIVAL_SDS = 5, 3
# Nats below the mode, and distance from it in posterior sds: a start that ended below both limits is on the same ridge
# as the mode, and counts as at the mode.
STARTS_RIDGE_NATS, STARTS_RIDGE_SDS = 0.1, 1
# MODE_GAIN: nats that a Newton step would still gain; above it the check is a review. MODE_GAIN_FAILS: from this many
# times MODE_GAIN on the fit fails.
MODE_GAIN, MODE_GAIN_FAILS = 1e-3, 100

# --- samplers --------------------------------------------------------------------------------------------------------

# Effective number of draws: below ESS the check is a review, below ESS_FAILS the fit fails. ESS is 100 a chain, for
# four chains (Vehtari et al. 2021, doi 10.1214/20-BA1221); it is also the limit for the weights of Laplace's proposals.
ESS, ESS_FAILS = 400, 100
# Share of the draws that stop at the largest tree: above it the check is a review.
DEEP = 0.01
# Energy Bayesian fraction of missing information: below it the check is a review (Betancourt, arXiv 1701.02434).
BFMI = 0.3
# Pareto k-hat: above it, up to `infer.laplace.KHAT`, the check is a review. In simulations, 90 % intervals covered 90 %
# below it, and less above it (benchmarks/sbc).
KHAT_TAILS = 0.5
# Share of the refits of a bootstrap that reached a mode: below REFITS the check is a review, and up to REFITS_FAIL the
# fit fails.
REFITS, REFITS_FAIL = 0.99, 0.9

# --- priors ----------------------------------------------------------------------------------------------------------

# 1 - posterior variance / prior variance of a parameter: below it the prior drives the parameter, which is a review.
CONTRACTION = 0.75
# Probability of a false alarm in a table that is drawn from the priors. It is divided equally between the ends of the
# priors that are looked at: if the prior beyond the mode has less than this part, the check is a review. The level
# holds because the mode of a well measured parameter is then a draw of its prior.
CONFLICT_LEVEL = 0.02
# Factor by which the check proposes to widen a prior, at least. A larger one is proposed if the mode would still be
# more than one sd away.
CONFLICT_WIDER = 3.0

# --- explains the runs -----------------------------------------------------------------------------------------------

# Number of runs: with fewer, chance may turn their direction, and the law isn't checked.
LAW_FEWEST = 6
# Probability of a false alarm in one table, for either test: with a p-value below it the runs do vary with the inputs,
# or do go against the law.
LAW_LEVEL = 1e-3
# p-value of the runs' dependence on the inputs: above it the runs aren't known to vary with any input, which is a
# review if the law explains nothing either.
LAW_FLAT = 0.05
# Share of the runs' variance that a curve in the inputs explains without the law: up to it no law is refused for being
# no better than a constant.
LAW_VARIES = 0.3
# Sum of the runs' distances from the law, over that of their distances from a constant: above it the law explains
# nothing, and the fit fails if the runs do vary with the inputs.
LAW_CONSTANT = 0.95
# Change along the runs' trend from one end to the other, in median distances of the runs from it: a trend with a
# smaller change isn't counted.
LAW_CLEAR = 1.5
# Variance inflation factor of an input: from it on the inputs lie along one path, and the trend along this input alone
# isn't looked at.
LAW_APART = 20.0
# Number of runs: a filter that leaves fewer isn't proposed as a cure.
LAW_CURE_FEWEST = 6

# --- scatter and outliers --------------------------------------------------------------------------------------------

# Largest relative distance of a run from the law: below it the law passes through every run, which is a review.
SCATTER_EXACT = 1e-5
# Median distance of a run from the law, on the noise's scale: above it the check is a review. A loss repeats to a
# hundredth. Another positive observable, such as the best learning rate of a sweep, is known only to a factor. Odds lie
# in between.
SCATTER_OF_A_LOSS, SCATTER_OF_ANOTHER, SCATTER_OF_ODDS = 0.1, 0.4, 0.5
# Largest ratio of two neighbours among the sorted observables: above it the runs fall into two kinds, and the sentence
# says where to separate them.
SCATTER_GAP = 3.0
# Number of runs: with fewer, nothing tells which run is an outlier, and there is no check.
OUTLIERS_FEWEST = 6
# Distance from the law in robust scales of the scatter: a row beyond the limit is an outlier, which is a review. This
# is the smallest limit; it rises with the number of runs.
OUTLIERS_SCALES = 6.0
# OUTLIERS_CHANCE: probability of a row beyond the limit in a table of Student-t noise without outliers. OUTLIERS_TAILS:
# degrees of freedom of that noise, which is the default noise of the package.
OUTLIERS_CHANCE, OUTLIERS_TAILS = 0.002, 4.0
# Distance from a trend in robust sds: a run further away pulls the trend no more than one at this distance.
WINSOR = 4.0

# --- residuals -------------------------------------------------------------------------------------------------------

# Number of runs. With fewer than RESIDUALS_FEWEST no parabola can be told from noise, and nothing is tested. From
# RESIDUALS_ROWS on, of all runs or of the largest ones, the test has enough power, and the sentence doesn't mention it.
RESIDUALS_FEWEST, RESIDUALS_ROWS = 8, 20
# Probability of a false alarm in a table without a misfit, over all covariates: with a p-value up to its equal part for
# each covariate, the check is a review.
RESIDUALS_LEVEL = 0.004
# Power of the test: a sentence that says which misfit would have been found means one that is found with this
# probability.
RESIDUALS_POWER = 0.8
# Size of a misfit over the range of the observable, on the noise's scale: if only misfits above it would be found, the
# question stays open, which is a review.
RESIDUALS_BLUNT = 0.1
# Share of a covariate's parabola that remains beside the directions that the fit takes up: one with less isn't tested.
RESIDUALS_TANGENT = 1e-2
# Share of the noise in a direction that the fit takes up: above it the runs decide the direction, below it the prior.
RESIDUALS_DECIDED = 0.5

# --- other columns ---------------------------------------------------------------------------------------------------

# Largest probability of a false alarm over all columns of a table, for all runs and for the largest runs. It is divided
# equally between the tests: a column with a p-value above its part isn't reported.
COLUMNS_LEVEL, COLUMNS_LEVEL_OF_LARGEST = 0.01, 0.0025
# Degrees of freedom that remain beside the law, its inputs and the column: with fewer a column isn't tested.
COLUMNS_SPARE = 3
# COLUMNS_MOST: share of the scatter that a column explains. COLUMNS_MOVED: rms effect of the column, over the sd of the
# observable over all runs. Above both the fit fails, because a prediction then belongs to no value of the column.
COLUMNS_MOST, COLUMNS_MOVED = 0.5, 0.1
# Smallest share of the scatter that would be found: above it the runs are too few to tell.
COLUMNS_SEEN = 0.9
# Share of a column that the inputs don't determine: below it a part of what the column explains may be the law's own
# misfit, and the sentence says so.
COLUMNS_ALONE = 0.5
# Absolute rank correlation of a column with the observable: above it the column is the observable in another form, and
# isn't tested. COLUMNS_FOLLOW is for measured columns, COLUMNS_FOLLOW_EXACTLY for any other. COLUMNS_MEASURED: number
# of different values over that of rows; a column above it is a measured one.
COLUMNS_FOLLOW, COLUMNS_FOLLOW_EXACTLY, COLUMNS_MEASURED = 0.9, 0.98, 0.9
# Length of a design's direction (of length one) that remains beside the inputs: up to it the inputs determine the
# direction, and its effect is taken for the law's misfit.
COLUMNS_LEFT = 0.1
# R^2 of a numeric column of many values on the inputs: above it the column is a function of the inputs, as C and D/N
# are functions of N and D, and isn't tested.
COLUMNS_FUNCTION = 0.97
# Number of runs minus the number of terms of the surface in the inputs: with fewer, every column would lie on the
# surface, and none counts as a function of the inputs.
COLUMNS_MARGIN = 3
# Number of different values of a numeric column: up to it the cure offers to split the runs by the values.
COLUMNS_VALUES = 12

# --- forecaster and compare ------------------------------------------------------------------------------------------

# Number of runs: up to it the width of a forecast beyond them comes mostly from the priors, which is a review.
MOSTLY_PRIOR_RUNS = 15
# Number of held-out runs: with fewer a ranking by them may be chance, and the sentence says so.
RANKINGS_FEW_HELD_OUT = 5
# Difference of two scores in nats, summed over the runs: up to it the two models are tied, because the difference may
# be Monte-Carlo error.
RANKINGS_TIE = 0.5
# Monte-Carlo error of a log evidence in nats: from it on weights by evidence are too coarse, which is a review.
EVIDENCE_SE = 0.2

# Share (0 to 1) of a pooled recipe's exponent or floor that comes from the other recipes, the posterior variance of its
# standard deviate. Above it the recipe's own runs take away less than a fifth of what is unknown before they are seen.
BORROWED = 0.8
