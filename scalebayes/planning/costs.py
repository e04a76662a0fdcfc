"""This file names the costs that come with the package, as `sb.costs`."""

from scalebayes.planning.cost import moe as moe
from scalebayes.planning.cost import repeated as repeated
from scalebayes.planning.cost import six_nd as six_nd
from scalebayes.planning.cost import with_inference as with_inference
