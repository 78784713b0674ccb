"""Compares every JSON document and stream, field by field, with those of the `terraform` that is installed: compare.py PILOTIS

The same configuration goes through the same commands with both. What differs deliberately is listed below, with its reason; all
else that differs is said, and the exit code is 1. Says "skipped" where there is no terraform.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# Ours alone, beside what Terraform documents.
OURS = {"digest", "display", "pilotis_version", "unseen", "pilotis", "outcome", "code", "help"}
# Differs with each run, or says whose program it is.
VARIES = {"timestamp", "@timestamp", "@message", "elapsed_seconds", "id_value", "terraform_outdated", "provider_selections"}
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Comparison:
    def __init__(self):
        self.differences = []

    def walk(self, theirs, ours, path):
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in sorted(set(theirs) | set(ours)):
                if key in VARIES or self.is_deliberate(f"{path}/{key}"):
                    continue
                if key not in ours:
                    self.differ(f"{path}/{key}", theirs[key], "nothing")
                elif key not in theirs:
                    if key not in OURS:
                        self.differ(f"{path}/{key}", "nothing", ours[key])
                else:
                    self.walk(theirs[key], ours[key], f"{path}/{key}")
        elif path.endswith("/relevant_attributes"):
            # Terraform also names those of outputs of modules that don't change.
            for entry in ours:
                if entry not in theirs:
                    self.differ(path, "nothing", entry)
        elif isinstance(theirs, list) and isinstance(ours, list):
            if len(theirs) != len(ours):
                self.differ(path, theirs, ours)
            for i, (a, b) in enumerate(zip(theirs, ours)):
                self.walk(a, b, f"{path}/{i}")
        elif self.plain(theirs) != self.plain(ours):
            self.differ(path, theirs, ours)

    @staticmethod
    def plain(value):
        """Generated ids are as good as each other; 1 is 1.0."""
        if isinstance(value, str):
            return IDS.sub("ID", value)
        return (type(value) is bool, value)

    @staticmethod
    def is_deliberate(path):
        deliberate = [
            # The state before the plan holds no output that the plan makes (docs/reference/differences.md).
            r"/prior_state/values/outputs$",
            # Descriptions of schemas are each program's own.
            r"/provider_schemas/.*/(description|description_kind)$",
            # Of the built-in provider: a data source that reads Terraform's states, and functions.
            r"/data_source_schemas$",
            r"/provider_schemas/[^/]*/[^/]*/[^/]*/functions$",
            # The state keeps no results of checks.
            r"^state[^/]*/checks$",
            # Terraform repeats the text of -var; ours is the value, of the variable's type.
            r"^(change|target)/variables/stage/value$",
            # A plan's warning and that of its apply are both told.
            r"^change.apply.stream/diagnostic$",
            # Each program's own words.
            r"/diagnostics?(/[0-9]+)?(/diagnostic)?/detail$",
            # Spans and snippets of diagnostics are compared by the tests of diagnostics.
            r"/diagnostic/(snippet|range|address)$",
        ]
        return any(re.search(pattern, path) for pattern in deliberate)

    def differ(self, path, theirs, ours):
        short = lambda value: json.dumps(value)[:300]
        self.differences.append(f"{path}: Terraform {short(theirs)}, here {short(ours)}")


def run(program, folder, *arguments):
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    ran = subprocess.run([program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return ran.stdout


def in_order(document):
    """Lists whose order means nothing, in one order."""
    document["relevant_attributes"] = sorted(document.get("relevant_attributes", []), key=json.dumps)
    return document


def stream(text):
    """Events by kind and object: their order is each run's own. What tells of refreshing state is left out."""
    events = {}
    for line in text.splitlines():
        event = json.loads(line)
        if event["type"].startswith("refresh_"):
            continue
        inner = event.get("change") or event.get("hook") or {}
        address = inner.get("resource", {}).get("addr", "")
        action = inner.get("action", "")
        events.setdefault(f"{event['type']} {address} {action}".strip(), []).append(event)
    return {name: sorted(found, key=json.dumps) for name, found in events.items()}


def documents(program, folder):
    """What one program says of one configuration, from nothing to destroyed."""
    out = {}
    read = lambda *arguments: json.loads(run(program, folder, *arguments))
    run(program, folder, "init")
    out["version"] = read("version", "-json")
    out["validate"] = read("validate", "-json")
    out["schemas"] = read("providers", "schema", "-json")

    def plan(name, *arguments):
        out[f"{name}.stream"] = stream(run(program, folder, "plan", "-json", *arguments))
        run(program, folder, "plan", f"-out={name}.plan", *arguments)
        out[name] = in_order(read("show", "-json", f"{name}.plan"))

    out["state.empty"] = read("show", "-json")
    plan("create")
    out["apply.stream"] = stream(run(program, folder, "apply", "-json", "-auto-approve"))
    out["state"] = read("show", "-json")
    out["output"] = read("output", "-json")
    plan("nothing")
    plan("change", "-var", "stage=2")
    plan("replace", "-replace", "terraform_data.follower")
    plan("target", "-target", "terraform_data.replaced", "-var", "stage=2")
    plan("destroy", "-destroy")
    main = os.path.join(folder, "main.tf")
    with open(main, encoding="utf-8") as file:
        text = file.read()
    with open(main, "w", encoding="utf-8") as file:
        file.write(text.replace('"terraform_data" "updated"', '"terraform_data" "renamed"'))
    shutil.copy(os.path.join(HERE, "moved.tf"), folder)
    plan("move")
    out["change.apply.stream"] = stream(run(program, folder, "apply", "-json", "-auto-approve", "-var", "stage=2"))
    out["state.changed"] = read("show", "-json")
    with open(main, "a", encoding="utf-8") as file:
        file.write("\nresource \"terraform_data\" \"wrong\" {\n  inputs = 1\n}\n")
    out["validate.wrong"] = read("validate", "-json")
    return out


def main():
    terraform = shutil.which("terraform")
    if terraform is None:
        print("skipped: there is no terraform here")
        return 0
    both = {}
    for name, program in [("terraform", terraform), ("pilotis", os.path.abspath(sys.argv[1]))]:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(os.path.join(HERE, "estate"), folder, dirs_exist_ok=True)
            both[name] = documents(program, folder)
    comparison = Comparison()
    for name, theirs in both["terraform"].items():
        comparison.walk(theirs, both["pilotis"][name], name)
    for difference in comparison.differences:
        print(difference)
    print(f"{len(both['terraform'])} documents and streams compared, {len(comparison.differences)} differences")
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
