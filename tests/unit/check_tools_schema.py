#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of the manifest against `kastellan check`: both take, or both refuse. Prints TAP.

usage: check_tools_schema.py SCHEMA KASTELLAN
"""
import json
import subprocess
import sys
import tempfile

import jsonschema

# Members of a tool whose program is given.
GOOD = [
    {},
    {"arguments": ["a", ""], "working_directory": "/srv", "container_image": "alpine:3.20"},
    {"working_directory": None, "sandbox_backend": None, "container_image": None},
    {"policy": {"fs_read": ["/srv"], "net": {"Allowlist": ["a.example:443"]}}},
    {"sandbox_backend": "Bwrap", "lifecycle": "SingleUse", "wall_ms": 0},
    {"lifecycle": {"IdleTimeout": {}}},
    {"lifecycle": {"IdleTimeout": {"idle_seconds": 0, "max_requests": 9007199254740991,
                                   "max_age_seconds": 1, "instances": 256}}},
    {"max_message_bytes": 8388608},
]
BAD = [
    {"program": ""}, {"program": "./x"}, {"program": 1}, {"args": []}, {"arguments": "x"},
    {"arguments": [1]}, {"working_directory": "srv"}, {"working_directory": "/a/../b"},
    {"policy": 1}, {"policy": ""}, {"policy": {"mem_mb": "64M"}}, {"policy": {"memory": 1}},
    {"sandbox_backend": "bwrap"}, {"container_image": "-v"}, {"lifecycle": "Idle"},
    {"lifecycle": {"IdleTimeout": 1}}, {"lifecycle": {"IdleTimeout": {"instances": 257}}},
    {"lifecycle": {"IdleTimeout": {}, "SingleUse": {}}}, {"lifecycle": {"IdleTimeout": {"x": 1}}},
    {"wall_ms": -1}, {"wall_ms": None}, {"max_message_bytes": 255}, {"max_message_bytes": 8388609},
]


def taken(kastellan, manifest):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(manifest, file)
        file.flush()
        return subprocess.run([kastellan, "check", file.name], capture_output=True,
                              check=False).returncode == 0


def manifests():
    for members in GOOD:
        yield {"tools": {"t": {"program": "cat", **members}}}, True
    for members in BAD:
        yield {"tools": {"t": {"program": "cat", **members}}}, False
    for whole in ({"tools": []}, {"tools": {}, "tool": {}}, {"tools": {"a b": {"program": "x"}}},
                  {"tools": {"t": {}}}, {"tools": {"t": "x"}}, {"tools": {}, "$schema": 1}):
        yield whole, False


def main():
    with open(sys.argv[1]) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    wrong = 0
    for manifest, good in manifests():
        for who, verdict in (("schema", validator.is_valid(manifest)),
                             ("check", taken(sys.argv[2], manifest))):
            if verdict != good:
                wrong += 1
                print(f"# {who} {'takes' if verdict else 'refuses'} {json.dumps(manifest)}")
    print(f"{'not ok' if wrong else 'ok'} 1 - schema and reader of the manifest agree")
    print("1..1")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
