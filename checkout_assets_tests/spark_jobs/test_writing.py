"""What is recorded of a staged file: its size, its rows and the digest of its bytes."""

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.contract.columns import QUARANTINE_COLUMNS
from spark_jobs.contract.keys import staged_key
from spark_jobs.job.writing import ROWS_WORTH_A_DICTIONARY, FolderWriter
from spark_jobs.stores import Store

FOLDER = "0A_CheckoutOrder"


def test_a_staged_file_is_recorded_with_the_digest_of_its_bytes(lake: Store) -> None:
    row = {name: None for name, _ in QUARANTINE_COLUMNS}
    line = b'{"id": "1", "_source_key": "k"}'
    writer = FolderWriter(lake, FOLDER, "run")
    staged = [writer.write_quarantine((0, 0), [row]), *writer.write_days([("2018-10-31", [line])])]
    for file in staged:
        data = lake.get(staged_key(FOLDER, "run", file.path)).data
        assert (file.size, file.rows) == (len(data), 1)
        assert file.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("rows", [1, 4, ROWS_WORTH_A_DICTIONARY])
def test_a_table_file_is_compressed_with_zstd(lake: Store, rows: int) -> None:
    lines = [b'{"id": "1", "_source_key": "k"}'] * rows
    (staged,) = FolderWriter(lake, FOLDER, "run").write_days([("2018-10-31", lines)])
    data = lake.get(staged_key(FOLDER, "run", staged.path)).data
    group = pq.ParquetFile(pa.BufferReader(data)).metadata.row_group(0)
    assert {group.column(number).compression for number in range(group.num_columns)} == {"ZSTD"}
