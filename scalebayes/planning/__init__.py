"""This folder turns a posterior into decisions: costs, limits, targets, recipes, and the next run."""

from scalebayes.planning import costs as costs
