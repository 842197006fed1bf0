"""The project folder: where labels, models and results of one study live."""

from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from poetlab.config import Config, load_config, render_config
from poetlab.errors import ForeignConfigError, ProjectError, SnapshotError
from poetlab.files import whole_file
from poetlab.labels.known_splits import KnownSplits, known_splits
from poetlab.labels.label_set import ANNOTATIONS, LabelSet, load_label_set
from poetlab.skeleton import Skeleton, load_skeleton
from poetlab.training.run_folder import RunFolder

CONFIG = "config.yaml"
SKELETON = "skeleton.yaml"
_FOLDERS = ("labels", "models", "results")


@dataclass(frozen=True)
class Project:
    """A project folder and its settings.

    Attributes:
        path: The folder.
        config: Its `config.yaml`, as read when the project was opened.
    """

    path: Path
    config: Config

    @property
    def labels_dir(self) -> Path:
        """One folder a label set."""
        return self.path / "labels"

    @property
    def models_dir(self) -> Path:
        """One folder a training run."""
        return self.path / "models"

    @property
    def results_dir(self) -> Path:
        """One HDF5 file an analyzed video."""
        return self.path / "results"

    @property
    def exports_dir(self) -> Path:
        """One folder an export of labels."""
        return self.path / "exports"

    @property
    def skeleton_path(self) -> Path:
        """The file that names the keypoints; there may be none before the first import."""
        return self.path / self.config.skeleton

    @property
    def has_skeleton(self) -> bool:
        """Whether the project's keypoints are known yet."""
        return self.skeleton_path.is_file()

    def skeleton(self) -> Skeleton:
        """The project's skeleton.

        Raises:
            ProjectError: If there is none yet.
            SkeletonError: If its file is malformed.
        """
        if not self.has_skeleton:
            raise ProjectError(f"{self.skeleton_path}: no skeleton yet; 'poetlab import' takes it from the labels")
        return load_skeleton(self.skeleton_path)

    def write_skeleton(self, skeleton: Skeleton) -> None:
        """Write the project's skeleton, once.

        Raises:
            ProjectError: If the project has one, or the folder cannot be written.
        """
        if self.has_skeleton:
            raise ProjectError(f"{self.skeleton_path}: the project has a skeleton already")
        _write_text(
            self.skeleton_path,
            yaml.safe_dump(skeleton.to_dict(), sort_keys=False, default_flow_style=None, allow_unicode=True),
        )

    def label_sets(self) -> tuple[LabelSet, ...]:
        """Every imported label set, by name.

        Raises:
            ProjectError: If nothing was imported yet, or the skeleton's keypoints were changed since.
        """
        folders = sorted(path.parent for path in self.labels_dir.glob(f"*/{ANNOTATIONS}"))
        if not folders:
            raise ProjectError(f"{self.labels_dir}: no labels yet; import some with 'poetlab import PATH'")
        return tuple(self._load_label_set(folder) for folder in folders)

    def label_set(self, name: str) -> LabelSet:
        """One imported label set.

        Raises:
            ProjectError: If there is none of that name, or the skeleton's keypoints were changed since its import.
        """
        if not (self.labels_dir / name / ANNOTATIONS).is_file():
            known = sorted(path.parent.name for path in self.labels_dir.glob(f"*/{ANNOTATIONS}"))
            raise ProjectError(f"{self.labels_dir}: no label set '{name}'; there are {', '.join(known) or 'none'}")
        return self._load_label_set(self.labels_dir / name)

    def splits(self, but: str) -> KnownSplits:
        """How the images of all label sets but one are split.

        Raises:
            LabelError: If a label set cannot be read.
        """
        paths = sorted(self.labels_dir.glob(f"*/{ANNOTATIONS}"))
        return known_splits(load_label_set(path.parent) for path in paths if path.parent.name != but)

    def _load_label_set(self, folder: Path) -> LabelSet:
        """A label set with the project's skeleton, whose edges, symmetries and sigmas may have been edited since."""
        label_set, skeleton = load_label_set(folder), self.skeleton()
        if label_set.skeleton.keypoints != skeleton.keypoints:
            raise ProjectError(
                f"{self.skeleton_path}: its keypoints, or their order, are no longer those that {folder} was imported "
                f"with; put them back ({', '.join(label_set.skeleton.keypoints)}), or import into a new project"
            )
        return replace(label_set, skeleton=skeleton)

    def runs(self) -> list[RunFolder]:
        """The folder of every training run, oldest first, those of runs that were killed before a snapshot included."""
        return [RunFolder(path) for path in sorted(self.models_dir.glob("*/"))]

    def new_run(self, preset: str) -> RunFolder:
        """A folder for the next run, not made yet: `models/001-poet-r18`, numbered on."""
        return RunFolder(self.models_dir / f"{_next_number(self.models_dir):03}-{preset}")

    def new_export(self, label_format: str) -> Path:
        """A folder for the next export of labels, not made yet: `exports/001-sleap`, numbered on."""
        return self.exports_dir / f"{_next_number(self.exports_dir):03}-{label_format}"

    def find_snapshot(self, name: str | None = None) -> Path:
        """The file of a snapshot.

        Args:
            name: A file, a run's folder or name (its best snapshot, or its last if it has no best), a run's name
                followed by `/last` or `/best`; None for the latest run.

        Raises:
            SnapshotError: If there is no such snapshot.
        """
        if name is None:
            with_snapshot = [run for run in self.runs() if run.best.is_file() or run.last.is_file()]
            if not with_snapshot:
                raise SnapshotError(f"{self.models_dir}: no trained network yet; run 'poetlab train' first")
            return _snapshot_of(with_snapshot[-1])
        for base in (Path.cwd(), self.models_dir, self.path):
            path = (base / name).resolve()
            if not name or not path.name:
                break
            if path.is_file():
                return path
            if path.with_name(path.name + ".safetensors").is_file():
                return path.with_name(path.name + ".safetensors")
            if path.is_dir() and (RunFolder(path).best.is_file() or RunFolder(path).last.is_file()):
                return _snapshot_of(RunFolder(path))
        known = ", ".join(run.name for run in self.runs()) or "none"
        raise SnapshotError(f"no snapshot '{name}': neither a file nor a run of this project (there are {known})")


def _next_number(folder: Path) -> int:
    """One more than the largest number that a folder in this one begins with."""
    beginnings = [path.name.split("-")[0] for path in folder.glob("*/")]
    return max((int(beginning) for beginning in beginnings if beginning.isdigit()), default=0) + 1


def create_project(
    path: str | Path,
    skeleton: str | Path | None = None,
    individuals: int | None = None,
    config: Config | None = None,
) -> Project:
    """Make a project folder.

    Args:
        path: The folder; it may exist if it holds nothing of a project's.
        skeleton: A preset's name or a YAML file; None to take it from the first import.
        individuals: Animals in each video; None for the most that were labeled in one image.
        config: Settings to start with; None for the defaults.

    Raises:
        ProjectError: If something would be overwritten or the folder cannot be written.
        SkeletonError: If there is no such skeleton.
    """
    root = Path(path)
    chosen = load_skeleton(skeleton) if skeleton is not None else None
    if individuals is not None and individuals < 1:
        raise ProjectError(f"individuals is {individuals}; a video has at least 1")
    for name in (CONFIG, SKELETON, *_FOLDERS):
        if (root / name).exists():
            raise ProjectError(f"{root / name} exists; choose another folder (poetlab never overwrites a project)")
    settings = config or Config()
    project = Project(root, settings.model_copy(update={"individuals": individuals or settings.individuals}))
    try:
        for name in _FOLDERS:
            (root / name).mkdir(parents=True)
        if chosen is not None:
            project.write_skeleton(chosen)
        _write_text(root / CONFIG, render_config(project.config))  # last, since it is what makes a folder a project
    except BaseException as error:
        _remove_beginnings(root)
        if isinstance(error, OSError):
            raise ProjectError(
                f"{root}: cannot be made ({error.strerror}); choose one that you may write to"
            ) from error
        raise
    return project


def open_project(path: str | Path = ".") -> Project:
    """Open the project that a folder is, or lies in.

    Raises:
        ProjectError: If neither the folder nor any above it is a project.
        ConfigError: If its `config.yaml` is wrong.
    """
    start = Path(path).resolve()
    foreign = None
    for folder in (start, *start.parents):
        if (folder / CONFIG).is_file():
            try:
                return Project(folder, load_config(folder / CONFIG))
            except ForeignConfigError as error:
                foreign = foreign or error
    if foreign:
        raise foreign
    raise ProjectError(f"{start}: not inside a poetlab project; make one with 'poetlab init DIR', or use --project")


def _remove_beginnings(root: Path) -> None:
    """Remove what `create_project` made before it failed."""
    if not root.is_dir():
        return
    (root / SKELETON).unlink(missing_ok=True)
    for name in _FOLDERS:
        if (root / name).is_dir():
            (root / name).rmdir()


def _snapshot_of(run: RunFolder) -> Path:
    return run.best if run.best.is_file() else run.last


def _write_text(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"{path}: cannot be written ({error.strerror}); is the folder read-only or full?") from error
