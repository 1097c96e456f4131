"""What stands in a file that a sink wrote."""

import csv
import json

import openpyxl


def lines(sink):
    return sink.path.read_text(encoding="utf-8-sig").splitlines()


def results(path):
    """(laptop, attempt, serial) of each line, read as a user's program reads it."""
    if path.suffix == ".jsonl":
        read = [json.loads(line)["data"] for line in path.read_text(encoding="utf-8").splitlines()]
    elif path.suffix == ".csv":
        read = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    else:
        head, *lines = openpyxl.load_workbook(path)["results"].iter_rows(values_only=True)
        read = [dict(zip(head, line, strict=True)) for line in lines]
    return [(each["laptop"], int(each["attempt"]), each["serial"]) for each in read]
