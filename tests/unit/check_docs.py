#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the manual to the tables and headers it describes. Prints TAP.

usage: check_docs.py KASTELLAN
"""
import glob
import json
import os
import re
import subprocess
import sys

SOURCE = os.environ.get("KASTELLAN_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
number = 0
failed = False


def check(name, problems):
    global number, failed
    number += 1
    problems = sorted(problems)
    failed = failed or bool(problems)
    print(f"{'not ok' if problems else 'ok'} {number} - {name}")
    for problem in problems:
        print(f"# {problem}")


def read(*path):
    with open(os.path.join(SOURCE, *path)) as file:
        return file.read()


def output(kastellan, *arguments):
    return subprocess.run([kastellan, *arguments], capture_output=True, text=True,
                          check=True).stdout


def options_of(text):
    """Option names with their argument, as --help prints them."""
    return set(re.findall(r"^\s+(?:-\w,)?\s*(--[a-z-]+(?: [A-Z][^\s]*)?)", text, re.M))


def main():
    kastellan = os.path.abspath(sys.argv[1])
    page = read("man", "kastellan.1.scd")
    helps = {name: output(kastellan, "help", name) for name in
             ("run", "mcp", "workers", "plan", "egress", "check", "doctor", "selftest", "schema",
              "completion")}

    in_help = {option.split()[0] for text in helps.values() for option in options_of(text)}
    in_page = set(re.findall(r"^\*(?:-\w\*, \*)?(--[a-z-]+)\*", page, re.M))
    check("every option has a paragraph in kastellan(1)", in_help - in_page)
    check("kastellan(1) describes no option that does not exist", in_page - in_help)

    in_help = {option for option in options_of(helps["run"]) if " " in option}
    page_arguments = {f"{name} {argument}" for name, argument in re.findall(
        r"^\*(?:-\w\*, \*)?(--[a-z-]+)\* _([^_]+)_", page, re.M)}
    check("kastellan(1) names the options' arguments as --help does", in_help - page_arguments)

    commands = set(re.findall(r"^  (\w+) +\w", output(kastellan, "help").split("\n\n")[1]
                              if False else output(kastellan, "help"), re.M))
    commands = {c for c in commands if c != "kastellan"}
    check("every command is in the synopsis of kastellan(1)",
          {c for c in commands if f"*kastellan {c}*" not in page})

    library = read("man", "libkastellan.3.scd")
    declared = set()
    for header in glob.glob(os.path.join(SOURCE, "include", "kastellan", "*.h")):
        with open(header) as file:
            for declaration in re.findall(r"KS_API ([^;]*);", file.read()):
                declared.add(re.search(r"(ks_\w+)\s*\(", declaration).group(1))
    check("every function of the headers is in libkastellan(3)",
          {name for name in declared if f"*{name}*" not in library})
    check("libkastellan(3) names no function that does not exist",
          set(re.findall(r"\*(ks_\w+)\*", library)) - declared)

    status = subprocess.run([kastellan, "run", "--quiet", "--status", "fd:1", "--read",
                             "/nonexistent", "--", "true"], capture_output=True, text=True).stdout
    keys = set()

    def collect(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                keys.add(key)
                collect(inner)
    collect(json.loads(status))
    status_page = read("man", "kastellan-status.5.scd")
    check("every key of a status is in kastellan-status(5)",
          {key for key in keys if f"*{key}*" not in status_page})
    schema = json.loads(read("share", "kastellan", "status.schema.json"))
    try:
        import jsonschema
        jsonschema.Draft202012Validator.check_schema(schema)
        problems = [error.message for error in
                    jsonschema.Draft202012Validator(schema).iter_errors(json.loads(status))]
    except ImportError:
        problems = ["python3-jsonschema is missing"]
    check("a status is valid under its schema", problems)

    egress_page = read("man", "kastellan-egress.1.scd")
    source = read("src", "egress", "audit_line.c")
    keys = set(re.findall(r'[{,]\\"(\w+)\\":', source)) | \
        set(re.findall(r'add_\w+\(&?out, "(\w+)"', source))
    check("every member of an audit line is in kastellan-egress(1)",
          {key for key in keys if f"*{key}*" not in egress_page} | (set() if keys else {"none"}))
    words = set(re.findall(r'^\t\[(?:AUDIT|VIA|END)_\w+\] = "(\w+)"', source, re.M)) | \
        set(re.findall(r'^\t\[REASON_\w+\] = \{"(\w+)"', read("src", "egress", "reason.c"), re.M))
    check("every word of an audit line is in kastellan-egress(1)",
          {word for word in words - {"allowed"} if f"_{word}_" not in egress_page} |
          (set() if len(words) > 20 else {"words are missing in the source"}))

    readme = read("README.md")
    check("README names no option that does not exist",
          set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", readme)) -
          {option.split()[0] for text in helps.values() for option in options_of(text)} -
          {"--version"})
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
