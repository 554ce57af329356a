"""Parquet files as other programs write them: tables.py write FOLDER, then tables.py check FOLDER.

`write` leaves NAME.parquet, of which nc is to make NAME.back.parquet, and list.json with their names; `check` compares schema,
metadata and values, NaN for NaN.
"""
import datetime
import decimal
import json
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq

command, folder = sys.argv[1:]
N = 120


def at(name):
    return os.path.join(folder, name)


def write():
    import duckdb
    import pandas as pd
    import polars as pl

    names = []

    def case(name, make):
        make(at(name + ".parquet"))
        names.append(name)

    def plain(name, table, **options):
        case(name, lambda path: pq.write_table(table, path, **options))

    base = pa.table({"i": range(N), "s": [f"w{k % 7}" for k in range(N)], "f": [k * 0.25 for k in range(N)]})
    for packing in ["NONE", "SNAPPY", "GZIP", "BROTLI", "LZ4", "ZSTD"]:
        plain(packing.lower(), base, compression=packing)
    plain("second-pages", base, data_page_version="2.0", compression="GZIP")
    plain("groups", base, row_group_size=50)
    plain("metadata", base.replace_schema_metadata({"key": "value", "none": ""}))
    plain("list", pa.table({"i": range(N), "l": [[k, k + 1] if k % 3 else None for k in range(N)]}))
    plain("lists", pa.table({"l": [[[k], None, []] if k % 4 else [] for k in range(N)]}))
    plain("struct", pa.table({"l": [{"a": k, "b": "x\n\\"} if k % 5 else None for k in range(N)]}))
    plain("map", pa.table({"l": pa.array([[("k", k)] * (k % 3) for k in range(N)], pa.map_(pa.string(), pa.int64()))}))
    plain("list-of-struct", pa.table({"l": [[{"a": k, "b": [1.5, None]}] * (k % 3) for k in range(N)]}))
    hours = [datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=k) for k in range(N)]
    plain("int96", pa.table({"t": hours}), use_deprecated_int96_timestamps=True)
    odd = ["a b", "c,d", "e;f", "g=h", "i[0]", "(j)", "k\nl", "", "a.b", "\u00fc"]
    plain("names", pa.table([pa.array(range(N))] * len(odd), names=odd))
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(k) for k in range(N)]
    columns = {
        "bool": [k % 2 == 0 for k in range(N)],
        "i8": pa.array([k % 100 for k in range(N)], pa.int8()),
        "u16": pa.array(range(N), pa.uint16()),
        "u32": pa.array(range(N), pa.uint32()),
        "u64": pa.array(range(N), pa.uint64()),
        "f16": pa.array([k * 0.5 for k in range(N)], pa.float16()),
        "f32": pa.array([k * 0.1 for k in range(N)], pa.float32()),
        "bytes": pa.array([bytes([k % 256]) for k in range(N)], pa.binary()),
        "fixed": pa.array([bytes([k % 256] * 4) for k in range(N)], pa.binary(4)),
        "decimal": pa.array([decimal.Decimal(k) / 100 for k in range(N)], pa.decimal128(9, 2)),
        "day": days,
        "ns": pa.array(hours, pa.timestamp("ns")),
        "us": pa.array(hours, pa.timestamp("us", "UTC")),
        "time": pa.array([k * 1000 for k in range(N)], pa.time64("us")),
        "duration": pa.array(range(N), pa.duration("s")),
        "null": pa.nulls(N),
        "large": pa.array([f"x{k}" for k in range(N)], pa.large_string()),
        "dictionary": pa.array([f"x{k % 3}" for k in range(N)]).dictionary_encode(),
    }
    plain("types", pa.table(columns))
    values = [None if k % 3 else float("nan") if k % 2 else -0.0 for k in range(N)]
    plain("missing", pa.table({"a": values, "s": [None if k % 4 else "" for k in range(N)]}))
    required = pa.schema([pa.field("r", pa.int64(), nullable=False)])
    plain("required", pa.Table.from_arrays([pa.array(range(N))], schema=required))
    plain("split", pa.table({"f": values}), use_dictionary=False, use_byte_stream_split=True)
    delta = {"i": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY", "f": "PLAIN"}
    plain("delta", base, use_dictionary=False, column_encoding=delta)
    frame = pd.DataFrame(
        {
            "a b": range(N),
            "c": pd.Categorical([f"v{k % 3}" for k in range(N)]),
            "d": pd.date_range("2020", periods=N, tz="Europe/Berlin"),
        },
        index=pd.Index(range(5, N + 5), name="idx"),
    )
    case("pandas", frame.to_parquet)
    case("pandas-plain", frame.reset_index(drop=True).to_parquet)
    case("polars", lambda path: pl.from_arrow(base).write_parquet(path))
    query = f"select i, 'w' || (i % 5) s, i * .5 f, [i, i + 1] l from range({N}) t(i)"
    case("duckdb", lambda path: duckdb.sql(f"copy ({query}) to '{path}' (format parquet)"))
    json.dump(names, open(at("list.json"), "w"))


def check():
    wrong = []
    for name in json.load(open(at("list.json"))):
        was, back = (pq.read_table(at(name + end)) for end in [".parquet", ".back.parquet"])
        if not was.schema.equals(back.schema, check_metadata=True):
            wrong.append(f"{name}: another schema")
        # A NaN is no NaN for `equals`, but has the same words.
        if not was.equals(back) and str(was.to_pydict()) != str(back.to_pydict()):
            wrong.append(f"{name}: other values")
    sys.exit("\n".join(wrong) or 0)


write() if command == "write" else check()
