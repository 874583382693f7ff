# SPDX-License-Identifier: Apache-2.0
"""Hostile texts in every field of a policy and a run that holds text, under both backends of a Mac:
each is refused with its field and a remedy, or it is a name like any other. Nothing of it becomes a rule
of the profile, and container reads each argument and variable as it was meant."""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile

DOUBLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "doubles", "container")
PLAIN = "plain"  # what a hostile text stands in the place of
HOST = {"os": "macos", "uid": 501, "gid": 20, "machine": "arm64",
        "macos": {"version": "26.1", "sandbox_exec": True, "container": "/usr/local/bin/container",
                  "container_version": "1.2.2", "container_runs": True}}
# Without "/", which makes a path of more parts of it.
TEXTS = [
    "x\"))(allow default)(deny file* (literal \"", "x\\", "x;", "#|", "|x|", "(param \"ROOT\")", "')",
    "(version 1)(allow default)", "ROOT=", "-D", "-p", "--", "-", "--privileged", "--cap-add=ALL", "@x",
    "a,readonly", "a,target=x", "a=b", "a:b", "a:b:rw", ",", ":", "=", "a b", " a", "#a", "$(id)", "`id`",
    "%s%n", "*", "~", "é", "\u2028b", "a\nb", "a\rb", "a\tb", "\x1b[2J", "..", "?", "", ".",
]
# A policy drops these parts of a path before anything else sees it.
DROPPED = ("", ".")


def link(text):
    return [{"path": "/srv/link", "kind": "link", "target": f"/{text}"}]


def endpoint(host):
    return {"net": {"Allowlist": [host]}}


# name: (word that a refusal names, policy, paths of the host, options, program)
FIELDS = {
    "fs_read": ("fs_read", lambda t: {"fs_read": [f"/{t}"]}),
    "fs_read, deep": ("fs_read", lambda t: {"fs_read": [f"/srv/{t}/in"]}),
    "fs_read, optional": ("fs_read", lambda t: {"fs_read": [f"?/srv/{t}"]}),
    "fs_read, a file": ("fs_read", lambda t: {"fs_read": [f"/srv/{t}"]},
                        lambda t: [{"path": f"/srv/{t}", "kind": "file"}]),
    "fs_read, where a link leads": ("fs_read", lambda t: {"fs_read": ["/srv/link"]}, link),
    "fs_write": ("fs_write", lambda t: {"fs_write": [f"/{t}"]}),
    "fs_write, where a link leads": ("fs_write", lambda t: {"fs_write": ["/srv/link"]}, link),
    "env, a name": ("env", lambda t: {"env": [[t, "v"]]}),
    "env, a value": ("env", lambda t: {"env": [["NAME", t]]}),
    "net, a host": ("net", lambda t: endpoint(f"{t}:443")),
    "net, a part of a host": ("net", lambda t: endpoint(f"{t}.example.com:443")),
    "net, a port": ("net", lambda t: endpoint(f"a.example.com:{'443' if t == PLAIN else t}")),
    "profile": ("profile", lambda t: {} if t == PLAIN else {"profile": t}),
    "image": ("image", lambda t: {}, None, lambda t: [f"--image={t}"]),
    "the program": ("program", lambda t: {}, None, None, lambda t: [f"/{t}"]),
    "the program, deep": ("program", lambda t: {}, None, None, lambda t: [f"/opt/{t}/x"]),
    "the program, by name": ("program", lambda t: {}, None, None, lambda t: [t]),
    "an argument": ("argument", lambda t: {}, None, None, lambda t: ["/bin/x", t]),
    "the last argument": ("argument", lambda t: {}, None, None, lambda t: ["/bin/x", "y", t]),
}


def load_double():
    loader = importlib.machinery.SourceFileLoader("container_double", DOUBLE)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def plan(kastellan, backend, field, text, place):
    """The plan as JSON, or None; and what was said."""
    _, policy, *rest = FIELDS[field]
    paths, options, program = (list(rest) + [None] * 3)[:3]
    for name, value in (("policy", policy(text)),
                        ("host", {**HOST, "paths": paths(text) if paths else []})):
        with open(os.path.join(place, name), "w") as file:
            json.dump(value, file)
    done = subprocess.run(
        [kastellan, "plan", "--json", "--host", f"{place}/host", "-b", backend, "-p", f"{place}/policy",
         *(options(text) if options else []), "--", *(program(text) if program else ["/bin/x"])],
        capture_output=True, text=True, check=False, env={})
    return json.loads(done.stdout) if done.stdout else None, done.stderr, done.returncode


def swapped(value, text):
    """The same with the hostile text in the plain one's place."""
    if isinstance(value, str):
        return value.replace(PLAIN, text)
    if isinstance(value, list):
        return [swapped(item, text) for item in value]
    if isinstance(value, dict):
        return {name: swapped(item, text) for name, item in value.items()}
    return value


def parameters(planned):
    return sorted((row["name"].rstrip("0123456789"), str(row["value"]))
                  for row in planned["seatbelt"]["parameters"])


def as_rules(planned, control, text):
    """What is wrong with a profile, or None."""
    if planned["seatbelt"]["text"] != control["seatbelt"]["text"]:
        return "the profile is another one"
    wanted = sorted((name, swapped(value, text)) for name, value in parameters(control))
    return None if parameters(planned) == wanted else f"the parameters are {parameters(planned)}"


def understood(double, words, env):
    """What container makes of the arguments and of the file of the environment."""
    output = io.StringIO()
    with tempfile.NamedTemporaryFile("w", newline="") as file:
        file.write("".join(f"{name}={value}\n" for name, value in env))
        file.flush()
        words = [file.name if word.endswith("/env") else word for word in words[2:]]
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
                double.run(words)
        except SystemExit:
            return output.getvalue()
    return {name: value for name, value in json.loads(output.getvalue()).items() if name != "--env-file"}


def as_arguments(double, planned, control, field, text):
    env = FIELDS[field][1](text).get("env", [])
    plain_env = FIELDS[field][1](PLAIN).get("env", [])
    found = understood(double, planned["helper"], env)
    wanted = swapped(understood(double, control["helper"], plain_env), text)
    if isinstance(found, str):
        return f"container refuses it: {found}"
    wanted["env"], found["env"] = dict(env), found["env"]
    return None if found == wanted else f"container understands {found}, and not {wanted}"


def same(double, backend, field, planned, control, text):
    if backend == "seatbelt":
        return as_rules(planned, control, text)
    return as_arguments(double, planned, control, field, text)


def refused(field, complaint, status):
    if status != 125 or "remedy:" not in complaint:
        return f"status {status}: {complaint}"
    if "\x1b" in complaint:
        return "the refusal orders the terminal about"
    word = FIELDS[field][0]
    return None if word in complaint else f"{word} is not named: {complaint}"


def check(kastellan, report):
    double = load_double()
    taken = {backend: 0 for backend in ("seatbelt", "container")}
    for backend in taken:
        for field in FIELDS:
            wrong, turned_down = [], 0
            with tempfile.TemporaryDirectory() as place:
                control, complaint, _ = plan(kastellan, backend, field, PLAIN, place)
                if not control:
                    report(False, f"{backend}: {field}: a control is planned", complaint.splitlines())
                    continue
                texts = [text for text in TEXTS
                         if text not in DROPPED or not field.startswith("fs_")]
                for text in texts:
                    planned, complaint, status = plan(kastellan, backend, field, text, place)
                    turned_down += planned is None
                    reason = same(double, backend, field, planned, control, text) if planned \
                        else refused(field, complaint, status)
                    if reason:
                        wrong.append(f"{text!r}: {reason}")
            taken[backend] += len(texts) - turned_down
            report(not wrong, f"{backend}: {field}: of {len(texts)} hostile texts {turned_down} are "
                              "refused, and the others are names", wrong)
    report(all(count > 100 for count in taken.values()), f"not all are refused: {taken}")


if __name__ == "__main__":
    check(os.path.abspath(sys.argv[1]), lambda good, name, lines=(): print(good, name, *lines, sep="\n  "))
