"""Every threshold of the checks, check by check: its unit, what happens above or below it, and where it is from.

`infer/` has those by which a method decides to go on, and which its checks share: r-hat and the share of divergences in
`nuts.py`, k-hat in `laplace.py`. `runs/names.py` has those of N, D and C by which a table's units are read.
"""

# --- inputs ----------------------------------------------------------------------------------------------------------

# Correlation of the logs of two inputs, either sign: above it they are collinear, a review. By choice.
COLLINEAR = 0.95
# Relative difference of an input: rows that differ by less are duplicates where their losses are the same too. It is
# an input written to six digits. Rows further apart are runs of their own, whatever their loss: of digitised ones, such
# as Chinchilla's, losses come out the same by chance.
DUPLICATES_WRITTEN = 1e-5
# Share of the observable that luck takes off the best run of a setting: above it a review. It is what two seeds differ
# by.
BEST_LUCK = 0.003
# Share of the settings that are best at one end of what was tried: from it on the sweep didn't reach far enough, a
# review. Fewer settings than the second say nothing of it. By choice.
BEST_EDGE, BEST_FEWEST_SETTINGS = 0.4, 4

# --- units and compute -----------------------------------------------------------------------------------------------

# |log(C / 6ND)|, at the ends of nine runs of ten: above it isn't rounding, a review.
COMPUTE_OFF = 0.1
# |log10(C / 6ND)| off a power of a thousand: below it units are guessed from that power. A run's own C differs from 6ND
# by a factor of 3 at most.
COMPUTE_APART = 0.5
# log10 of the ratio of C / 6ND between the ends of nine runs of ten: from it on no unit explains the difference.
COMPUTE_SPREAD = 1.0
# Median N (parameters) and D (tokens): below it an input is of another unit where the other is; 1,100 stands for 1.1B
# parameters beside 16 for 16B tokens.
UNITS_DOUBTED = {"N": 1e5, "D": 1e6}
# Median N and D: where both are below, both are of another unit, such as millions.
UNITS_SMALL = {"N": 1e4, "D": 1e5}
# Tokens a parameter, the median of a table: outside, one of the two is of another unit. The single runs
# that were looked at lie between 0.005 and 1e4.
UNITS_RATIO = (1e-3, 1e6)
# Tokens a parameter: a guessed unit puts the median near it.
UNITS_TYPICAL = 50.0
# Powers of ten that tables are in -> how many decades off `UNITS_TYPICAL` each is as unlikely as. By choice.
UNITS_POWERS = {
    "N": {0: 0.0, 3: 1.5, 6: 0.0, 9: 0.5, -6: 1.0},
    "D": {0: 0.0, 3: 1.5, 6: 1.0, 9: 0.0, 12: 0.5, -9: 1.0},
}
# Parameters and tokens: a guessed unit puts the median between these.
UNITS_USUAL = {"N": (1e4, 1e14), "D": (1e6, 1e17)}

# --- mixture shares, repetition --------------------------------------------------------------------------------------

# By how much the sum of a row's shares may miss one: above it a review.
SHARES_ROUNDED = 0.02
# Median sum of shares that should be one: above it they are per cent, and the fit fails.
SHARES_PERCENT = 3.0
# Epochs: up to the first a corpus is seen once, rounded; above the second, under a law that takes repeated tokens for
# new, a review. Up to four epochs they are worth nearly as much as new ones (Muennighoff et al., arXiv 2305.16264).
REPETITION_ONCE, REPETITION_HARMLESS = 1.01, 4.0

# --- the search for the mode -----------------------------------------------------------------------------------------

# Nats below the best start: up to it a start ended at the mode; of an objective a share of its value, plus a floor.
STARTS_AGREE, STARTS_AGREE_OF_OBJECTIVE, STARTS_FLOOR = 1e-3, 1e-6, 1e-14
# A start that ended less than so many nats below, and more than so many posterior sds away, is a second mode, a review.
STARTS_RIVAL_NATS, STARTS_RIVAL_SDS = 5, 3
# One that ended within so many nats and sds is on the same ridge as the mode, and agrees.
STARTS_RIDGE_NATS, STARTS_RIDGE_SDS = 0.1, 1
# Nats that a Newton step would still gain: above it a review, and above so many times as much the fit fails.
MODE_GAIN, MODE_GAIN_FAILS = 1e-3, 100

# --- samplers --------------------------------------------------------------------------------------------------------

# Effective draws: below the first a review, below the second the fit fails (Vehtari et al. 2021, doi 10.1214/20-BA1221:
# 100 a chain). The first holds for Laplace's weights too.
ESS, ESS_FAILS = 400, 100
# Share of the draws that stop at the largest tree: above it a review.
DEEP = 0.01
# Energy Bayesian fraction of missing information: below it a review (Betancourt, arXiv 1701.02434).
BFMI = 0.3
# k-hat: above it, up to `infer.laplace.KHAT`, a review. Below it 90 % intervals covered 90 % in simulations, above it
# fewer (benchmarks/sbc).
KHAT_TAILS = 0.5
# Share of the refits of a bootstrap that reached a mode: below the first a review, up to the second the fit fails.
REFITS, REFITS_FAIL = 0.99, 0.9

# --- priors ----------------------------------------------------------------------------------------------------------

# 1 - posterior variance / prior variance: below it a parameter is driven by the prior, a review.
CONTRACTION = 0.75
# Probability of a false alarm in tables drawn from the priors: where runs measure a parameter well, its mode is a draw
# of its prior, so that each end of a prior that is looked at has an equal part of this.
CONFLICT_LEVEL = 0.02
# Times as wide a prior, at least, is what the check proposes: so wide that the mode is one sd off.
CONFLICT_WIDER = 3.0

# --- explains the runs -----------------------------------------------------------------------------------------------

# Runs: with fewer, chance may turn their direction, and no law is refused.
LAW_FEWEST = 6
# Probability in one table that chance makes runs vary, or go the other way: below it they do.
LAW_LEVEL = 1e-3
# p-value: above it runs are not known to vary with any input, a review where the law explains nothing.
LAW_FLAT = 0.05
# Share of the runs' variance that a curve of the inputs alone explains: up to it no law is refused.
LAW_VARIES = 0.3
# Sum of the distances from the law over that from a constant: above it the law explains nothing, and the fit fails.
LAW_CONSTANT = 0.95
# Typical distances from the trend: the runs' trend counts where it moves them by more, from one end to the other.
LAW_CLEAR = 1.5
# Variance inflation: from it on the inputs lie along one path, and none has a direction of its own.
LAW_APART = 20.0
# Runs that a filter must leave, to be proposed as a cure.
LAW_CURE_FEWEST = 6

# --- scatter and outliers --------------------------------------------------------------------------------------------

# Largest relative distance from the law: below it the law passes through every run, a review.
SCATTER_EXACT = 1e-5
# Typical distance of a run from the law, on the noise's scale: above it a review. A loss repeats to a hundredth; what
# else is positive, such as the best learning rate of a sweep, is read off to a factor; odds are in between.
SCATTER_OF_A_LOSS, SCATTER_OF_ANOTHER, SCATTER_OF_ODDS = 0.1, 0.4, 0.5
# Ratio of neighbours in size: above it the runs fall into two kinds, and the sentence says where to cut.
SCATTER_GAP = 3.0
# Runs: with fewer, nothing says which one is off.
OUTLIERS_FEWEST = 6
# Scales of the scatter: beyond it a row may be an outlier, a review. The limit rises with the number of runs.
OUTLIERS_SCALES = 6.0
# Probability in a table without outliers that Student-t noise puts a row beyond the limit, and the degrees of freedom
# of that noise, the package's own.
OUTLIERS_CHANCE, OUTLIERS_TAILS = 0.002, 4.0
# Robust sds: beyond it a run pulls a trend no further.
WINSOR = 4.0

# --- residuals -------------------------------------------------------------------------------------------------------

# Runs: with fewer than the first no parabola is told from noise; from the second on, over all runs and among the
# largest, the test needs no word on its power.
RESIDUALS_FEWEST, RESIDUALS_ROWS = 8, 20
# Probability of a false alarm in a table without misfit, over all covariates.
RESIDUALS_LEVEL = 0.004
# Probability with which a misfit is found that the sentence says would have been.
RESIDUALS_POWER = 0.8
# Share of what the runs vary by: a misfit that could hide above it leaves the question open.
RESIDUALS_BLUNT = 0.1
# Share of a covariate that is left beside what the fit takes up: less is not tested.
RESIDUALS_TANGENT = 1e-2
# Share of a direction's variance in the prior that the runs take away: above it they decide, not the prior.
RESIDUALS_DECIDED = 0.5

# --- other columns ---------------------------------------------------------------------------------------------------

# Largest probability of a false alarm over all columns of a table: for all runs, and for the largest.
COLUMNS_LEVEL, COLUMNS_LEVEL_OF_LARGEST = 0.01, 0.0025
# Degrees of freedom that must be left beside the law, its inputs and the column; with fewer a column is not tested.
COLUMNS_SPARE = 3
# Shares of the scatter that a column explains, and of the sd that the observable has over all runs by which the column
# moves it: above both the fit fails, since a prediction is then of none of its values.
COLUMNS_MOST, COLUMNS_MOVED = 0.5, 0.1
# Share of the scatter: where nothing less would be found, the runs are too few to tell.
COLUMNS_SEEN = 0.9
# Share of a column that its dependence on the inputs leaves: below it a part of what it explains may be the law's own.
COLUMNS_ALONE = 0.5
# Rank correlation with the observable: above it a column is the observable in another form. Of a number that is another
# in more than the third share of the rows, as what is measured is, and of any other.
COLUMNS_FOLLOW, COLUMNS_FOLLOW_EXACTLY, COLUMNS_MEASURED = 0.9, 0.98, 0.9
# Share of a design's direction that the inputs leave: up to it they determine it, and its effect is the law's misfit.
COLUMNS_LEFT = 0.1
# R^2 of a number of many values on the inputs: above it it is a function of them, as C and D/N are of N and D.
COLUMNS_FUNCTION = 0.97
# Runs beyond the terms of the surface: with fewer everything lies on it.
COLUMNS_MARGIN = 3
# Values of a number: up to so many it is offered to be split by them.
COLUMNS_VALUES = 12

# --- forecaster and compare ------------------------------------------------------------------------------------------

# Runs: up to so many the width beyond them is mostly the priors', a review.
MOSTLY_PRIOR_RUNS = 15
# Runs held out: with fewer a ranking by them is mostly chance, which the sentence says.
RANKINGS_FEW_HELD_OUT = 5
# Nats in all: less is no order, and may be the Monte-Carlo error.
RANKINGS_TIE = 0.5
# Monte-Carlo error of a log evidence in nats: from it on weights by it are too coarse, a review.
EVIDENCE_SE = 0.2
