"""Reads Parquet files with one library and prints what it found: run in that library's Python.

Standard input is JSON, for each table: its ``files``, the names of the columns to count
(``counted``), to add up (``summed``) and of booleans (``flags``). The answer has the same form
whichever library gave it; ``items`` and ``prices`` are taken from the nested column of that name,
and are null if the library cannot reach into it.
"""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

Asked = dict[str, list[str]]
Summary = dict[str, Any]


def duckdb(asked: Asked) -> Summary:
    import duckdb as library

    chosen = _expressions(asked, "count(*)", 'count("{}")', 'sum("{}")', 'count_if("{}")')
    nested = ["sum(len(items))", "sum(list_sum([item.price for item in items]))"]
    query = f"select {', '.join([*chosen, *nested])} from read_parquet(?)"
    found = library.execute(query, [asked["files"]]).fetchone()
    return _summary(asked, iter(found))


def polars(asked: Asked) -> Summary:
    import polars as library

    column = library.col
    frame = library.scan_parquet(asked["files"])
    items = frame.select(column("items").explode()).filter(column("items").is_not_null())
    flat = [
        library.len().alias("rows"),
        *(column(name).count().alias(f"count {name}") for name in asked["counted"]),
        *(column(name).sum().alias(f"sum {name}") for name in asked["summed"]),
        *(column(name).sum().alias(f"true {name}") for name in asked["flags"]),
    ]
    prices = column("items").struct.field("price").sum()
    lengths = column("items").list.len().sum()
    found = [*frame.select(flat).collect().row(0), frame.select(lengths).collect().item()]
    return _summary(asked, iter([*found, items.select(prices).collect().item()]))


def pyarrow(asked: Asked) -> Summary:
    import pyarrow as pa
    from pyarrow import compute, parquet

    table = pa.concat_tables([parquet.read_table(file) for file in asked["files"]])
    items = table["items"].combine_chunks()
    return _summary(
        asked,
        iter(
            [
                table.num_rows,
                *(len(table) - table[name].null_count for name in asked["counted"]),
                *(compute.sum(table[name]).as_py() for name in asked["summed"]),
                *(compute.sum(table[name]).as_py() for name in asked["flags"]),
                len(items.flatten()),
                compute.sum(compute.struct_field(items.flatten(), "price")).as_py(),
            ]
        ),
    )


def pandas(asked: Asked) -> Summary:
    import pandas as library

    return _of_frame(asked, library.concat(map(library.read_parquet, asked["files"])))


def fastparquet(asked: Asked) -> Summary:
    import fastparquet as library
    import pandas

    frame = pandas.concat([library.ParquetFile(file).to_pandas() for file in asked["files"]])
    return _of_frame(asked, frame.drop(columns="items"))  # it knows no lists of structs


def datafusion(asked: Asked) -> Summary:
    import datafusion as library

    context = library.SessionContext()
    files = [context.read_parquet(file) for file in asked["files"]]
    frame = files[0]
    for each in files[1:]:
        frame = frame.union(each)
    context.register_view("orders", frame)
    chosen = _expressions(
        asked, "count(*)", 'count("{}")', 'sum("{}")', 'sum(case when "{}" then 1 end)'
    )
    lengths = "coalesce(sum(array_length(items)), 0)"
    flat = context.sql(f"select {', '.join([*chosen, lengths])} from orders").to_pydict()
    query = "select sum(item['price']) as price from (select unnest(items) as item from orders)"
    prices = context.sql(query).to_pydict()["price"][0]
    return _summary(asked, iter([*(values[0] for values in flat.values()), prices]))


def chdb(asked: Asked) -> Summary:
    import chdb as library

    chosen = _expressions(asked, "count()", 'count("{}")', 'sum("{}")', 'countIf("{}")')
    nested = ["sum(length(items))", "sum(arraySum(x -> ifNull(x.price, 0), items))"]
    totals: Summary = {}
    for file in asked["files"]:
        query = f"select {', '.join([*chosen, *nested])} from file('{file}', Parquet)"
        answer = json.loads(str(library.query(query, "JSONCompact")))["data"][0]
        found = _summary(asked, (value if value is None else int(value) for value in answer))
        totals = _added(totals, found) if totals else found
    return totals


def daft(asked: Asked) -> Summary:
    import daft as library

    column = library.col
    frame = library.read_parquet(asked["files"])
    flat = frame.agg(
        column("_source_key").count("all").alias("rows"),
        *(column(name).count().alias(f"count {name}") for name in asked["counted"]),
        *(column(name).sum().alias(f"sum {name}") for name in asked["summed"]),
        *(
            column(name).cast(library.DataType.int64()).sum().alias(f"true {name}")
            for name in asked["flags"]
        ),
    ).to_pydict()
    lengths = frame.agg(column("items").length().sum().alias("items")).to_pydict()
    items = frame.select(column("items")).explode(column("items"))
    prices = items.agg(column("items").get("price").sum().alias("prices")).to_pydict()
    answers = (*flat.values(), *lengths.values(), *prices.values())
    return _summary(asked, (values[0] for values in answers))


def spark(asked: Asked) -> Summary:
    from checkout_assets_tests.spark_sessions import local_session

    chosen = _expressions(asked, "count(*)", "count(`{}`)", "sum(`{}`)", "count_if(`{}`)")
    nested = [
        "sum(case when items is not null then size(items) else 0 end)",
        "sum(aggregate(items, 0L, (total, item) -> total + coalesce(item.price, 0L)))",
    ]
    with local_session("local[2]") as session:
        frame = session.read.parquet(*asked["files"])
        (found,) = frame.selectExpr(*chosen, *nested).collect()
    return _summary(asked, iter(found))


def _expressions(asked: Asked, rows: str, counted: str, summed: str, flags: str) -> list[str]:
    return [
        rows,
        *(counted.format(name) for name in asked["counted"]),
        *(summed.format(name) for name in asked["summed"]),
        *(flags.format(name) for name in asked["flags"]),
    ]


def _of_frame(asked: Asked, frame: Any) -> Summary:
    items = [row for row in frame["items"] if row is not None] if "items" in frame else None
    nested: list[int | None] = [None, None]
    if items is not None:
        prices = [item["price"] for row in items for item in row if item is not None]
        nested = [sum(map(len, items)), sum(int(price) for price in prices if price is not None)]
    found = [
        len(frame),
        *(frame[name].count() for name in asked["counted"]),
        *(frame[name].sum() for name in asked["summed"]),
        *(frame[name].fillna(False).astype(bool).sum() for name in asked["flags"]),
    ]
    return _summary(asked, iter([*map(int, found), *nested]))


def _summary(asked: Asked, found: Iterator[Any]) -> Summary:
    return {
        "rows": next(found),
        "counts": {name: next(found) for name in asked["counted"]},
        "sums": {name: int(next(found) or 0) for name in asked["summed"]},
        "true": {name: int(next(found) or 0) for name in asked["flags"]},
        "items": next(found),
        "prices": next(found),
    }


def _added(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        return {name: _added(one[name], other[name]) for name in one}
    return one + other


READERS: dict[str, Callable[[Asked], Summary]] = {
    reader.__name__: reader
    for reader in (
        pyarrow, duckdb, polars, pandas, fastparquet, datafusion, chdb, daft, spark,
    )
}  # fmt: skip

if __name__ == "__main__":
    read = READERS[sys.argv[1]]
    answer = {name: read(asked) for name, asked in json.load(sys.stdin).items()}
    sys.stdout.write("\n" + json.dumps(answer, default=int) + "\n")
