"""A skeleton of your own: name the keypoints, check the left-right pairs, and make a project with it.

python examples/custom_skeleton.py myproject
"""

import argparse
from pathlib import Path

import yaml

import poetlab
from poetlab.skeleton import DEFAULT_SIGMA, infer_symmetries

KEYPOINTS = ("head", "thorax", "abdomen", "left_wing", "right_wing", "left_foreleg", "right_foreleg")
EDGES = (
    ("head", "thorax"),
    ("thorax", "abdomen"),
    ("thorax", "left_wing"),
    ("thorax", "right_wing"),
    ("thorax", "left_foreleg"),
    ("thorax", "right_foreleg"),
)
SIGMAS = {"head": 0.03}
"""How exact a keypoint can be labeled, relative to the animal's size; the others have poetlab's default."""


def main() -> None:
    """Make the skeleton, and a project in the folder of the command line."""
    parser = argparse.ArgumentParser(description="Make a project with a skeleton of your own.")
    parser.add_argument("project", type=Path, help="the folder to make")
    arguments = parser.parse_args()

    skeleton = poetlab.Skeleton(
        name="fly",
        keypoints=KEYPOINTS,
        edges=EDGES,
        symmetries=infer_symmetries(KEYPOINTS),  # pairs names that differ only in left and right
        sigmas=tuple(SIGMAS.get(name, DEFAULT_SIGMA) for name in KEYPOINTS),
    )
    for name, index in zip(skeleton.keypoints, skeleton.flip_indices, strict=True):
        print(f"{name}: in a mirror, {skeleton.keypoints[index]}")

    file = arguments.project.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(skeleton.to_dict(), sort_keys=False), encoding="utf-8")
    project = poetlab.create_project(arguments.project, skeleton=file)
    print(f"made {project.path} with the skeleton of {file}")


if __name__ == "__main__":
    main()
