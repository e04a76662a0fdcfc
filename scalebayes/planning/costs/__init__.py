"""This folder has the costs of a run, as `sb.costs`: `six_nd`, `moe`, `with_inference` and `repeated`."""

from scalebayes.planning.costs.formulas import moe as moe
from scalebayes.planning.costs.formulas import repeated as repeated
from scalebayes.planning.costs.formulas import six_nd as six_nd
from scalebayes.planning.costs.formulas import with_inference as with_inference
