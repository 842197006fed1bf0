"""The formats that results can be exported to.

A new format is one file with a function that says which files to write, and one line in `EXPORT_FORMATS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from poetlab.errors import ResultsError
from poetlab.poses import Poses
from poetlab.results.exporting.deeplabcut import deeplabcut_files
from poetlab.results.exporting.nwb import nwb_files
from poetlab.results.exporting.sleap import sleap_files
from poetlab.results.exporting.tidy import csv_files, parquet_files
from poetlab.results.exporting.writers import Writer


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format.

    Attributes:
        name: What `--to` calls it.
        description: What it is, for people.
        files: The files that some poses become: each one's name, and the function that writes it. Gets the poses
            and the name of the result file without its extension.
        leaves_out: What a result file holds that this format has no place for.
        packages: What to import that poetlab installs only as the extra `io`; import name and name of the package.
    """

    name: str
    description: str
    files: Callable[[Poses, str], dict[str, Writer]]
    leaves_out: str
    packages: tuple[tuple[str, str], ...] = ()


EXPORT_FORMATS = (
    ExportFormat(
        "csv",
        "a tidy table as text",
        csv_files,
        leaves_out="the skeleton's edges and symmetries, the size of the frame",
    ),
    ExportFormat(
        "parquet",
        "a tidy table as Apache Parquet",
        parquet_files,
        leaves_out="the skeleton's edges and symmetries, the size of the frame",
        packages=(("pyarrow.parquet", "pyarrow"),),
    ),
    ExportFormat(
        "dlc",
        "DeepLabCut's h5 and csv",
        deeplabcut_files,
        leaves_out="frame times, instance scores, the skeleton's edges and symmetries, the size of the frame",
    ),
    ExportFormat(
        "sleap",
        "SLEAP's analysis HDF5 and .slp",
        sleap_files,
        leaves_out="frame times",
        packages=(("sleap_io", "sleap-io"),),
    ),
    ExportFormat(
        "nwb",
        "Neurodata Without Borders with ndx-pose, a file an individual",
        nwb_files,
        leaves_out="instance scores, frame numbers, the skeleton's symmetries",
        packages=(("pynwb", "pynwb"), ("ndx_pose", "ndx-pose")),
    ),
)


def export_format(name: str) -> ExportFormat:
    """The format of this name, once what it needs is known to be installed.

    Raises:
        ResultsError: If there is no such format, or a package that it needs cannot be imported.
    """
    named = next((known for known in EXPORT_FORMATS if known.name == name), None)
    if named is None:
        names = ", ".join(known.name for known in EXPORT_FORMATS)
        raise ResultsError(f"'{name}' is no format to export to; known are {names}")
    for module, package in named.packages:
        try:
            import_module(module)
        except ImportError as error:
            raise ResultsError(
                f"exporting to {name} needs {package}, which cannot be imported ({error}); "
                'install it with: pip install "poetlab[io]"'
            ) from error
    return named
