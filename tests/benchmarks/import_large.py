"""How long importing a data set of COCO's size takes, and how much memory: run by hand, not by pytest.

    python tests/benchmarks/import_large.py --images 57000 --instances 150000

Makes labels with polygon masks and small real JPEG files in a temporary folder, then imports them (linking to the
images) and loads the result, each in a process of its own whose wall time and peak memory are reported.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 640, 480
N_KEYPOINTS = 17
IMAGES_A_FILE = 5000
"""How many names share one file by hard links; file systems allow some ten thousand."""

IMPORT = """
from pathlib import Path
from poetlab.labels.importing import import_labels
report = import_labels(Path({folder!r}), Path({destination!r}), skeleton=None, name="large", link=True)
print(report.n_images, "images,", report.n_instances, "instances", dict(report.left_out))
"""
LOAD = """
from pathlib import Path
from poetlab.labels.label_set import load_label_set
label_set = load_label_set(Path({destination!r}) / "large")
print(label_set.n_images, "images,", label_set.n_instances, "instances")
"""
MEASURE = """
import resource, time
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB
print(f"{time.perf_counter() - started:.1f} s, peak {peak:.2f} GiB")
"""


def main() -> None:
    """Make the labels, then measure importing and loading them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=57_000)
    parser.add_argument("--instances", type=int, default=150_000)
    parser.add_argument("--vertices", type=int, default=40, help="average vertices of a mask; COCO's people have 32")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, destination = Path(temporary) / "source", Path(temporary) / "labels"
        folder.mkdir()
        make_images(folder, arguments.images)
        make_labels(folder / "labels.json", arguments.images, arguments.instances, arguments.vertices)
        size = (folder / "labels.json").stat().st_size / 2**20
        sys.stdout.write(f"labels.json: {size:.0f} MiB\n")
        for verb, script in {"import": IMPORT, "load": LOAD}.items():
            code = script.format(folder=str(folder), destination=str(destination))
            code = f"import time; started = time.perf_counter()\n{code}{MEASURE}"
            result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            sys.stdout.write(f"{verb}: {' | '.join(result.stdout.splitlines())}\n")


def make_images(folder: Path, n_images: int) -> None:
    """Small JPEG files, most of them hard links to a few."""
    for number in range(n_images):
        path = folder / f"{number:06d}.jpg"
        first = number - number % IMAGES_A_FILE
        if number == first:
            Image.new("RGB", (WIDTH, HEIGHT), (number % 255, 90, 90)).save(path, quality=30)
        else:
            os.link(folder / f"{first:06d}.jpg", path)


def make_labels(path: Path, n_images: int, n_instances: int, n_vertices: int) -> None:
    """COCO keypoint JSON of random animals, written one annotation at a time."""
    random = np.random.default_rng(0)
    category = {"id": 1, "name": "animal", "keypoints": [f"point{n}" for n in range(N_KEYPOINTS)], "skeleton": [[1, 2]]}
    images = [
        {"id": number, "file_name": f"{number:06d}.jpg", "width": WIDTH, "height": HEIGHT} for number in range(n_images)
    ]
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"images": {json.dumps(images)}, "categories": {json.dumps([category])}, "annotations": [')
        for number in range(n_instances):
            file.write("," * (number > 0) + json.dumps(make_annotation(random, number, n_images, n_vertices)))
        file.write("]}")


def make_annotation(random: np.random.Generator, number: int, n_images: int, n_vertices: int) -> dict[str, object]:
    """One animal: a star-shaped polygon around a random center, and keypoints inside its box."""
    n_corners = int(random.integers(n_vertices // 2, n_vertices * 3 // 2))
    angles = np.linspace(0, 2 * np.pi, n_corners, endpoint=False)
    radii = random.uniform(20, 80, (n_corners, 1))
    center = random.uniform((90, 90), (WIDTH - 90, HEIGHT - 90))
    polygon = (center + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)).round(2)
    low, extent = polygon.min(axis=0), np.ptp(polygon, axis=0)
    points = (low + extent * random.uniform(size=(N_KEYPOINTS, 2))).round(2)
    keypoints = np.column_stack([points, random.integers(0, 3, N_KEYPOINTS)])
    return {
        "id": number,
        "image_id": number % n_images,
        "category_id": 1,
        "iscrowd": 0,
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "bbox": [*low.tolist(), *extent.tolist()],
        "area": float(extent.prod() / 2),
        "segmentation": [polygon.ravel().tolist()],
    }


if __name__ == "__main__":
    main()
