#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of the policy against the corpus of policies.

It must be a valid draft 2020-12 schema, take every good policy, and refuse each bad one whose
.expect file says "schema refuses". Files that say "schema cannot" are beyond any schema (a key
given twice, an address in disguise): they must pass it, so that the mark stays true. "schema none"
is no JSON at all. Usage: check_schema.py SCHEMA POLICIES
"""
import json
import pathlib
import sys

import jsonschema


def schema_mark(expectation):
    for line in expectation.read_text().splitlines():
        if line.startswith("schema "):
            return line.split(" ", 1)[1]
    return "missing"


def finite(text):
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("not a finite number")
    return number


def load(path):
    """Whether a file is JSON, and what it says. Python's reader is laxer than the standard."""
    try:
        policy = json.loads(path.read_bytes().decode("utf-8"), parse_float=finite)
        json.dumps(policy, ensure_ascii=False).encode("utf-8")
        return True, policy
    except ValueError:
        return False, None


def check_bad(validator, path):
    mark = schema_mark(path.with_suffix(".expect"))
    is_json, policy = load(path)
    if mark == "none":
        return "is JSON after all" if is_json else None
    if mark not in ("refuses", "cannot"):
        return f"has no mark for the schema: {mark}"
    if not is_json:
        return "is no JSON, mark it none"
    refused = not validator.is_valid(policy)
    if refused != (mark == "refuses"):
        return "is refused, but marked cannot" if refused else "passes the schema"
    return None


def check_good(validator, path):
    is_json, policy = load(path)
    if not is_json:
        return "is no JSON"
    return "; ".join(error.message for error in validator.iter_errors(policy)) or None


def own_definitions(properties):
    """Each field or setting with the path of keys to it."""
    for name, definition in properties.items():
        yield (name,), definition
        for keys, inner in own_definitions(definition.get("properties", {})):
            yield (name, *keys), inner


def check_own_values(validator, properties):
    """Defaults and examples of the schema itself; some keys are for a list of endpoints alone."""
    endpoints = {"net": properties["net"]["examples"][0]}
    for keys, definition in own_definitions(properties):
        values = list(definition.get("examples", []))
        if "default" in definition:
            values.append(definition["default"])
        for value in values:
            shown = value
            for key in reversed(keys):
                value = {key: value}
            if not validator.is_valid({**endpoints, **value}):
                yield ".".join(keys), f"its own value {shown} does not pass"


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
    policies = pathlib.Path(sys.argv[2])
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    bad = sorted(policies.glob("bad/*.json"))
    good = sorted(policies.glob("good/*.json")) + sorted(policies.glob("good/*.canonical"))
    problems = [(path, check_bad(validator, path)) for path in bad]
    problems += [(path, check_good(validator, path)) for path in good]
    # A schema that takes anything, or nothing, would satisfy half of the checks above.
    assert validator.is_valid({}) and not validator.is_valid({"mem_mb": "64M"})
    problems += check_own_values(validator, schema["properties"])
    wrong = [(path, text) for path, text in problems if text]
    for path, text in wrong:
        print(f"# {path}: {text}")
    print(f"# {len(bad)} bad and {len(good)} good policies")
    failed = bool(wrong) or len(bad) < 70 or len(good) < 25
    print(("not ok" if failed else "ok") + " 1 - schema and corpus agree")
    print("1..1")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
