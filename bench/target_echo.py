#!/usr/bin/python3 -IS
# SPDX-License-Identifier: Apache-2.0
"""The worker that target_echo.c is, as a tool in Python would be: it reads JSON and writes it."""
import json
import sys

for line in sys.stdin.buffer:
    message = json.loads(line)
    answer = {"jsonrpc": "2.0", "id": message["id"], "result": {}}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
