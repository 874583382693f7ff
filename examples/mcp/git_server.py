#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An MCP server with one tool, git, for the repository that it is started in. It refuses nothing:
what git may do is the policy's to say. The policy is git.json."""

import subprocess

from mcp_server import serve


def git(arguments):
    done = subprocess.run(["git", *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)
    return done.stdout + done.stderr, done.returncode != 0


serve("git", {"git": {
    "description": "Run git in the repository.",
    "schema": {"type": "object", "required": ["arguments"], "properties": {
        "arguments": {"type": "array", "items": {"type": "string"}}}},
    "run": git,
}})
