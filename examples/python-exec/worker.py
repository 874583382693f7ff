#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stdio tool worker as agents use them: JSON-RPC 2.0, one object a line.

    {"jsonrpc": "2.0", "id": 1, "method": "execute", "params": {"code": "print(6 * 7)"}}

"execute" runs the code in a fresh interpreter and answers with its output and exit status. The
worker checks nothing: what the code may do is decided outside, by the policy it runs under.
"""
import json
import subprocess
import sys


def execute(params):
    done = subprocess.run([sys.executable, "-I", "-c", params["code"]], capture_output=True,
                          text=True, errors="replace", stdin=subprocess.DEVNULL)
    return {"stdout": done.stdout, "stderr": done.stderr, "status": done.returncode}


METHODS = {"execute": execute, "ping": lambda params: "pong"}


def answer(line):
    request = {}
    try:
        request = json.loads(line)
        result = METHODS[request["method"]](request.get("params", {}))
        return {"jsonrpc": "2.0", "id": request.get("id"), "result": result}
    except KeyError as error:
        code, message = -32601, f"no such method or parameter: {error}"
    except (ValueError, TypeError) as error:
        code, message = -32600, f"bad request: {error}"
    except OSError as error:
        code, message = -32000, f"cannot execute: {error}"
    identifier = request.get("id") if isinstance(request, dict) else None
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": message}}


for request_line in sys.stdin:
    print(json.dumps(answer(request_line)), flush=True)
