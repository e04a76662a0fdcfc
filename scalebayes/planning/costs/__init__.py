"""This folder has the costs of a run, as `sb.costs`: formulas of N and D, and the exact FLOPs of a shape."""

from scalebayes.planning.costs.formulas import moe as moe
from scalebayes.planning.costs.formulas import repeated as repeated
from scalebayes.planning.costs.formulas import six_nd as six_nd
from scalebayes.planning.costs.formulas import with_inference as with_inference
from scalebayes.planning.costs.shape import Shape as Shape
from scalebayes.planning.costs.transformer import non_embedding as non_embedding
from scalebayes.planning.costs.transformer import of_non_embedding as of_non_embedding
from scalebayes.planning.costs.transformer import transformer as transformer
from scalebayes.planning.costs.transformer import with_embeddings as with_embeddings
