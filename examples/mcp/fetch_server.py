#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An MCP server with one tool that fetches a page. It goes wherever it is sent: which hosts that can
be is in fetch.json, and nowhere here."""

import urllib.request

from mcp_server import serve

MOST = 100000  # characters of a page


def fetch(url):
    if not url.startswith(("http://", "https://")):
        return "an http or https URL is needed", True
    with urllib.request.urlopen(url, timeout=20) as page:
        return page.read(4 * MOST).decode(errors="replace")[:MOST], False


serve("fetch", {"fetch": {
    "description": "Fetch a page and return its text.",
    "schema": {"type": "object", "required": ["url"],
               "properties": {"url": {"type": "string"}}},
    "run": fetch,
}})
