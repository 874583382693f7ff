#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An MCP server with one tool that runs Python code, which nobody has read before. There is no guard
in here: the policy is the guard. It is python.json."""

import subprocess
import sys

from mcp_server import serve


def run(code):
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)
    return done.stdout + done.stderr, done.returncode != 0


serve("python", {"run": {
    "description": "Run Python code and return what it prints.",
    "schema": {"type": "object", "required": ["code"],
               "properties": {"code": {"type": "string"}}},
    "run": run,
}})
