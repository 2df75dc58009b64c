#!/usr/bin/env python3
"""Reads the audit's tables as outsiders do: with `deltalake`, and with DuckDB over the files that are live.

    read_tables.py AUDIT_DIR

Every folder below AUDIT_DIR that holds a `_delta_log` is a table. Prints one JSON object: rows and distinct ids of each
table as both readers count them. Exit code 0 where both agree and no row is twice, 1 where not.
"""

import json
import os
import sys

import duckdb
from deltalake import DeltaTable

# Each names a row of the tables that have its columns. Matches of one event share its id and place: the index parts them.
KEYS = [["event_id"], ["kafka_partition", "kafka_offset"]]
INDEX = "finding_index"
# Counted, but in several rows by their nature.
SHARED = ["request_id"]


def find_tables(root):
    """Tables by their path below the root."""
    found = {}
    for folder, folders, _ in os.walk(root):
        if "_delta_log" in folders:
            found[os.path.relpath(folder, root)] = folder
            folders.clear()
    return dict(sorted(found.items()))


def keys_of(columns):
    """Sets of columns whose distinct values are counted, by name, and whether each value may stand in one row only."""
    index = [INDEX] if INDEX in columns else []
    unique = [key + index for key in KEYS if set(key) <= set(columns)]
    shared = [[name] for name in SHARED if name in columns]
    return {"+".join(key): (key, True) for key in unique} | {"+".join(key): (key, False) for key in shared}


def by_deltalake(table, keys, columns):
    wanted = sorted({name for key, _ in keys.values() for name in key}) or columns[:1]
    rows = table.to_pyarrow_table(columns=wanted)
    distinct = {name: rows.group_by(key).aggregate([]).num_rows for name, (key, _) in keys.items()}
    return {"rows": rows.num_rows, "distinct": distinct}


def by_duckdb(connection, table, keys):
    files = table.file_uris()
    if not files:
        return {"rows": 0, "distinct": {name: 0 for name in keys}}
    tuples = ["(" + ", ".join(f'"{name}"' for name in key) + ")" for key, _ in keys.values()]
    counts = ", ".join(["count(*)"] + [f"count(DISTINCT {columns})" for columns in tuples])
    query = f"SELECT {counts} FROM read_parquet($files, union_by_name = true, hive_partitioning = false)"
    row = connection.execute(query, {"files": files}).fetchone()
    return {"rows": row[0], "distinct": dict(zip(keys, row[1:]))}


def read(connection, path):
    table = DeltaTable(path)
    columns = [field.name for field in table.schema().fields]
    keys = keys_of(columns)
    first = by_deltalake(table, keys, columns)
    second = by_duckdb(connection, table, keys)
    twice = [name for name, (_, unique) in keys.items() if unique and first["distinct"][name] != first["rows"]]
    return {
        "version": table.version(),
        "files": len(table.file_uris()),
        "deltalake": first,
        "duckdb": second,
        "agree": first == second,
        "not_unique": twice,
    }


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    root = sys.argv[1]
    tables, errors = {}, {}
    connection = duckdb.connect()
    for name, path in find_tables(root).items():
        try:
            tables[name] = read(connection, path)
        except Exception as error:  # one broken table does not hide the others
            errors[name] = f"{type(error).__name__}: {error}"
    agreed = all(table["agree"] and not table["not_unique"] for table in tables.values())
    passed = bool(tables) and not errors and agreed
    print(json.dumps({"ok": passed, "tables": tables, "errors": errors}))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
