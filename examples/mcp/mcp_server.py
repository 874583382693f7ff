# SPDX-License-Identifier: Apache-2.0
"""The little of the Model Context Protocol that a server with one or two tools needs: JSON-RPC on the
standard streams, one message a line."""

import json
import sys

VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")


def _result(tools, name, method, params):
    if method == "initialize":
        asked = params.get("protocolVersion")
        return {"protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
                "capabilities": {"tools": {}}, "serverInfo": {"name": name, "version": "1.0.0"}}
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": [{"name": tool, "description": row["description"],
                           "inputSchema": row["schema"]} for tool, row in tools.items()]}
    if method == "tools/call" and params.get("name") in tools:
        try:
            text, failed = tools[params["name"]]["run"](**params.get("arguments", {}))
        except Exception as error:  # whatever it is, the model is told
            text, failed = f"{type(error).__name__}: {error}", True
        return {"content": [{"type": "text", "text": text}], "isError": failed}
    return None


def serve(name, tools):
    """tools: {name: {"description", "schema", "run": function of the arguments that returns the text
    and whether it is an error}}. Returns at the end of the input."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        result = _result(tools, name, message["method"], message.get("params") or {})
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        if result is None:
            answer["error"] = {"code": -32601, "message": "method not found"}
        else:
            answer["result"] = result
        print(json.dumps(answer), flush=True)
