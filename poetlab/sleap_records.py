"""The records of SLEAP's project files (.slp), as labels and results are both written."""

import numpy as np

USER, PREDICTED = 0, 1
"""The type of an instance that a person has placed, and of one that no person has."""

NO_ONE = -1
"""The track of an instance without one, and the origin of one that a person has not made of a prediction."""

FRAME = np.dtype(
    [("frame_id", "u8"), ("video", "u4"), ("frame_idx", "u8"), ("instance_id_start", "u8"), ("instance_id_end", "u8")]
)
INSTANCE = np.dtype(
    [
        ("instance_id", "i8"),
        ("instance_type", "u1"),
        ("frame_id", "u8"),
        ("skeleton", "u4"),
        ("track", "i4"),
        ("from_predicted", "i8"),
        ("score", "f4"),
        ("point_id_start", "u8"),
        ("point_id_end", "u8"),
        ("tracking_score", "f4"),
    ]
)
POINT = np.dtype([("x", "f8"), ("y", "f8"), ("visible", "?"), ("complete", "?")])
PREDICTED_POINT = np.dtype([*POINT.descr, ("score", "f8")])
