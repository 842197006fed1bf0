"""Label Studio's JSON export: a list of tasks, each one image with people's annotations and models' predictions.

Format: https://labelstud.io/guide/task_format and https://labelstud.io/tags/keypointlabels. Positions are percent of
the image's width and height.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poetlab.errors import LabelError, SkeletonError
from poetlab.labels.json_file import read_json_list
from poetlab.labels.label_studio_images import LabelStudioImages
from poetlab.labels.label_studio_regions import Animal, find_animals, read_regions
from poetlab.labels.named_keypoints import KeypointNames
from poetlab.labels.provenance import Provenance
from poetlab.labels.source_labels import LeftOut, SourceImage, SourceInstance, SourceLabels
from poetlab.skeleton import infer_skeleton

_HEAD_BYTES = 65536
_PREDICTED = {"prediction", "prediction-changed"}
"""What Label Studio calls the origin of a region that a model has made, and that a person may have changed."""

_KEYS = ('"annotations"', '"completions"', '"predictions"', '"keypointlabels"')


def matches_label_studio(path: Path) -> bool:
    """Whether a file is a JSON list with one of the keys of Label Studio's tasks near its start."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = file.read(_HEAD_BYTES)
    return head.lstrip().startswith("[") and any(key in head for key in _KEYS)


def read_label_studio(path: Path) -> SourceLabels:
    """Read the tasks that a person has annotated.

    A task with an annotation that is empty is an image without animals; one without an annotation is left out, even if
    it has predictions or drafts.

    Raises:
        LabelError: If the file is no export of keypoints, or if it contradicts itself.
        SkeletonError: If its keypoints make no skeleton.
    """
    reader = _Reader()
    number = 0
    try:
        for number, task in enumerate(read_json_list(path), start=1):  # noqa: B007  the number is for the message
            reader.read(task)
        return reader.labels(path.stem)
    except (LabelError, SkeletonError) as error:
        raise type(error)(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"task {number}: {type(error).__name__}: {error}"
        raise LabelError(f"{path}: not Label Studio's JSON export ({reason}); export it again as JSON") from error


class _Reader:
    """Takes the tasks one by one, and then knows all labels."""

    def __init__(self) -> None:
        self._left_out = LeftOut()
        self._names = KeypointNames()
        self._files = LabelStudioImages()
        self._found: list[tuple[SourceImage, list[Animal]]] = []

    def read(self, task: Mapping[str, Any]) -> None:
        """Take one task."""
        place = f"task {task.get('id', len(self._found) + 1)}"
        annotation = _choose(task, self._left_out, place)
        if annotation is None:
            return
        result = annotation["result"]
        regions = read_regions(result, self._left_out, place)
        sources = [str(entry["source"]).removeprefix("$") for entry in result if "source" in entry]
        try:
            image = self._files.of_task(task, sources, regions.size)
        except LabelError as error:
            raise LabelError(f"{place}: {error}") from error
        animals = find_animals(regions, self._names, self._left_out, place)
        for animal in animals or ():
            animal.instance.provenance = _provenance(animal, annotation)
        image.emptied_by = "human"
        if animals is None:
            self._left_out.add("image with keypoints of several animals that nothing tells apart", image.file_name)
        else:
            self._found.append((image, animals))

    def labels(self, name: str) -> SourceLabels:
        """All that was read, after the last task."""
        if not self._names.names:
            reasons = "; ".join(f"{reason}: {count}" for reason, (count, _) in self._left_out.summary().items())
            raise LabelError(
                f"no keypoint in it can be used ({reasons or 'it has no task'}); label some, or correct these"
            )
        posed = {animal.label for _, animals in self._found for animal in animals if animal.instance.keypoints.any()}
        _name_individuals([animals for _, animals in self._found], posed, self._left_out)
        for image, animals in self._found:
            for animal in animals:
                if animal.instance.keypoints.any() or animal.label in posed:
                    image.instances.append(animal.instance)
                else:
                    self._left_out.add("box of a label that never has keypoints", f"{image.file_name}: {animal.label}")
        images = [image for image, _ in self._found]
        self._names.complete(images)
        self._drop_unique(images)
        skeleton = infer_skeleton(name, self._names.names)
        return SourceLabels(skeleton, images, "area of the box", self._left_out)

    def _drop_unique(self, images: Sequence[SourceImage]) -> None:
        """Leave out keypoints of no animal, such as a cage's: those of animals are linked, and have other names."""
        linked: set[str] = set()
        for _, animals in self._found:
            linked.update(*(self._names.named(animal.instance.keypoints) for animal in animals if animal.is_linked))
        if not linked:
            return
        shared = set(linked)
        unique: list[tuple[SourceImage, SourceInstance, set[str]]] = []
        for image, animals in self._found:
            for animal in (animal for animal in animals if not animal.is_linked):
                names = self._names.named(animal.instance.keypoints)
                if names & linked:
                    shared |= names
                else:
                    unique.append((image, animal.instance, names))
        for image, instance, names in unique:
            self._left_out.add(
                "keypoint that is no animal's (the animals' are linked, and have other names)",
                image.file_name,
                len(names),
            )
            image.instances.remove(instance)
        self._names.drop(set(self._names.names) - shared, images)


def _provenance(animal: Animal, annotation: Mapping[str, Any]) -> Provenance:
    """Who made an animal: a person, of nothing or of a prediction, and has submitted it in any case.

    Where its regions do not tell whether they were predicted, the annotation does.
    """
    if animal.origins & _PREDICTED or (not animal.origins and annotation.get("parent_prediction")):
        return Provenance("corrected", animal.score)
    return Provenance("human")


def _choose(task: Mapping[str, Any], left_out: LeftOut, place: str) -> Mapping[str, Any] | None:
    """The annotation to use: the one marked as ground truth, else the latest that was submitted; None without any."""
    if not isinstance(annotations := task.get("annotations", task.get("completions", [])), list):
        raise LabelError(f"{place}: its annotations are no list; export it as JSON, and not as JSON-MIN")
    submitted = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    if not submitted:
        if "data" not in task and "annotations" not in task and "completions" not in task:
            raise LabelError(f"{place}: has neither data nor annotations; export it as JSON, and not as JSON-MIN")
        for reason, applies in (
            ("task that was skipped", annotations),
            ("task whose labels are a draft that was not submitted", task.get("drafts")),
            ("task with predictions that no person has confirmed", task.get("predictions")),
            ("task that nobody has labeled", True),
        ):
            if applies:
                left_out.add(reason, place)
                break
        return None
    best = max(submitted, key=lambda one: (bool(one.get("ground_truth")), str(one.get("updated_at", ""))))
    left_out.add("annotation beside the one that is used (ground truth, or the latest)", place, len(submitted) - 1)
    return best


def _name_individuals(tasks: Sequence[Sequence[Animal]], posed: set[str | None], left_out: LeftOut) -> None:
    """Take the boxes' labels as the animals' names, if there are several and none stands twice on an image."""
    labels = Counter(animal.label for animals in tasks for animal in animals if animal.label in posed and animal.label)
    if len(labels) < 2:
        return
    is_name = all(
        n_times == 1
        for animals in tasks
        for n_times in Counter(animal.label for animal in animals if animal.label in labels).values()
    )
    for animal in (animal for animals in tasks for animal in animals if animal.label in labels):
        if is_name:
            animal.instance.individual = animal.instance.individual or animal.label
        else:
            left_out.add("label of an animal's box (several share one skeleton)", str(animal.label))
