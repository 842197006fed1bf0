"""How well individuals are kept apart: the field's figures, computed by TrackEval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poetlab.evaluation.oks import object_keypoint_similarity
