"""The tidy table as a file: one row a frame, individual and keypoint (see `Poses.to_table`)."""

from pathlib import Path

from poetlab.poses import Poses
from poetlab.results.exporting.writers import Writer, parts_of


def csv_files(_: Poses, name: str) -> dict[str, Writer]:
    """One text file."""
    return {f"{name}.csv": write_csv}


def parquet_files(_: Poses, name: str) -> dict[str, Writer]:
    """One Parquet file."""
    return {f"{name}.parquet": write_parquet}


def write_csv(poses: Poses, path: Path) -> None:
    """Write the tidy table as comma-separated text in UTF-8; what is missing is empty.

    Numbers are written with as many digits as it takes to read the same 32-bit numbers back.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, part in enumerate(parts_of(poses)):
            part.to_table().to_csv(file, header=number == 0, index=False)


def write_parquet(poses: Poses, path: Path) -> None:
    """Write the tidy table as Parquet; individuals and keypoints are categories."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = (pa.Table.from_pandas(part.to_table(), preserve_index=False) for part in parts_of(poses))
    first = next(parts)
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_table(first)
        for part in parts:
            writer.write_table(part)
