"""Runs a program that reads Terraform's plans on ours, as it comes from its registry, and checks that it sees what there is.

session.py PROGRAM DOCUMENTS [BIN]: DOCUMENTS is the folder that documents.sh has filled, BIN where the program is.
Exits with 1 and says what was not seen.
"""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = "consumer-secret"

# What the plan of stage 2 does, by address.
CHANGES = {
    "terraform_data.updated": "update",
    "terraform_data.follower": "update",
    "terraform_data.replaced": "replace",
    "terraform_data.swapped": "replace",
    "terraform_data.counted[1]": "delete",
    'module.site["brest"].terraform_data.root': "create",
    'module.site["brest"].terraform_data.link': "create",
    'module.site["lyon"].terraform_data.root': "delete",
    'module.site["lyon"].terraform_data.link': "delete",
    'module.site["paris"].terraform_data.link': "update",
}


class Session:
    def __init__(self, documents, folder):
        self.documents = documents
        self.folder = folder
        self.missing = []

    def path(self, name):
        return os.path.join(self.documents, name)

    def run(self, *command, codes=(0,), text=None, cwd=None):
        """Standard output and error together; the exit code must be one of those given."""
        program = os.path.join(self.folder, command[0]) if self.folder else command[0]
        ran = subprocess.run([program, *command[1:]], input=text, cwd=cwd, capture_output=True, text=True, timeout=300)
        out = ran.stdout + ran.stderr
        if ran.returncode not in codes:
            self.missing.append(f"{' '.join(command)} exits with {ran.returncode}:\n{out[-2000:]}")
        if "Traceback (most recent call last)" in out:
            self.missing.append(f"{' '.join(command)} fell over:\n{out[-2000:]}")
        self.out, self.stdout = out, ran.stdout
        return out

    def sees(self, *texts, of=None):
        out = self.out if of is None else of
        self.missing += [f"{text!r} is not in:\n{out[:3000]}" for text in texts if text not in out]

    def same(self, what, found, expected):
        if found != expected:
            self.missing.append(f"{what}: {found!r}, and it is {expected!r}")

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()


def checkov(s):
    """Values of planned objects in modules, and their checks by address."""
    s.run("checkov", "-f", s.path("services.json"), "--framework", "terraform_plan", "--compact", "--skip-download", "-o", "json", codes=(0, 1))
    found = json.loads(s.stdout)
    found = found[0] if isinstance(found, list) else found
    results = found["results"]
    s.same("errors of parsing", found["summary"]["parsing_errors"], 0)
    passed = {(c["check_id"], c["resource"]) for c in results["passed_checks"]}
    failed = {(c["check_id"], c["resource"]) for c in results["failed_checks"]}
    protection = 'module.project["carto"].gitlab_branch_protection.default["api"]'
    s.same("force pushes are refused", ("CKV_GLB_2", protection) in passed, True)
    repository = 'module.project["carto"].gitlab_project.repo["api"]'
    s.same("commits need no signature", ("CKV_GLB_4", repository) in failed, True)
    planned = len(json.loads(s.read("services.json"))["resource_changes"])
    s.same("objects", found["summary"]["resource_count"], planned)


def terraform_compliance(s):
    s.run("terraform-compliance", "-f", os.path.join(HERE, "features"), "-p", s.path("create.json"), "--no-ansi")
    s.sees("5 scenarios (5 passed)" if "skipped" not in s.out else "4 passed, 1 skipped")


def tofui(s):
    with tempfile.TemporaryDirectory() as folder:
        s.run("tofui", "--build-name", "b", s.path("change.json"), cwd=folder)
        s.sees("4 to create, 3 to update, 5 to delete")
        with open(os.path.join(folder, "b.html"), encoding="utf-8") as page:
            page = page.read()
    import html

    page = html.unescape(page)
    s.missing += [f"{address} is not on the page" for address in CHANGES if address not in page]
    s.same("the secret is on the page", SECRET in page, False)


def tofu_tree(s):
    """Reads the text, not the document."""
    s.run("tofu-tree", "--no-color", "-i", text=s.read("change.txt"))
    lines = [" ".join(line.split()) for line in s.out.splitlines()]
    for line in ["+ 2 to be created", "- 3 to be destroyed", "± 2 to be replaced", "~ 3 to be updated"]:
        s.same(line, line in lines, True)
    s.sees("module.site", "brest", "lyon", "± terraform_data.replaced")


def readtheplan(s):
    s.run("readtheplan", "analyze", s.path("change.json"))
    s.sees("Terraform version: 1.11.4", "Resource changes: ", "- create: 2", "- update: 3", "- delete: 3", "- delete/create: 1", "- create/delete: 1")
    for address in CHANGES:
        s.sees(address)


def blastcheck(s):
    s.run("blastcheck", "--json", s.path("change.json"))
    manifest = json.loads(s.stdout)
    known = json.dumps(manifest)
    for address in CHANGES:
        s.sees(json.dumps(address)[1:-1], of=known)
    s.run("blastcheck", "--text", s.path("nothing.json"), codes=(0, 1))
    s.sees("nothing to assess")


def flatplan(s):
    s.run("flatplan", f"--path={s.path('create.json')}")
    plan = json.loads(s.stdout)
    s.same("providers", [p["full_name"] for p in plan["providers"]], ["terraform.io/builtin/terraform"])
    planned = {r["address"] for r in json.loads(s.read("create.json"))["resource_changes"]}
    s.same("resources", {r["address"] for r in plan["resources"]}, planned)
    s.run("flatplan", f"--path={s.path('state.json')}", "--state")
    s.same("resources of the state", {r["address"] for r in json.loads(s.stdout)["resources"]}, planned)


def terraform_visual(s):
    with tempfile.TemporaryDirectory() as folder:
        s.run("terraform-visual", "--plan", s.path("change.json"), "--out", folder)
        s.sees("Report generated successfully")
        with open(os.path.join(folder, "terraform-visual-report", "plan.js"), encoding="utf-8") as data:
            data = data.read()
    for address in CHANGES:
        s.sees(json.dumps(address)[1:-1], of=data)


def terraplanfeed(s):
    s.run("terraplanfeed", "-t", s.path("change.json"))
    for address, action in CHANGES.items():
        mark = {"create": "+", "update": "U", "replace": "R", "delete": "X"}[action]
        lines = [line for line in s.out.splitlines() if line.endswith(f"({address})")]
        s.same(address, [line[1] for line in lines], [mark])


def pyrrho(s):
    s.run("pyrrho", "--format", "json", "--no-color", s.path("change.json"), codes=(0, 1))
    json.loads(s.stdout)
    s.run("pyrrho", "--no-color", "--claim", "terraform_data.*", s.path("change.json"), codes=(0, 1))
    s.sees("module.site")


def tf_peek(s):
    s.run("tf-peek", s.path("change.json"))
    for name in ["updated", "replaced", "swapped", "follower"]:
        s.sees(name)
    s.same("the secret is shown", SECRET in s.out, False)


def unidiff(s):
    s.run("terraform-unidiff", s.path("change.json"))
    s.sees("terraform_data.updated", "stage")


SESSIONS = {
    "checkov": checkov,
    "terraform-compliance": terraform_compliance,
    "tofui": tofui,
    "tofu-tree": tofu_tree,
    "readtheplan": readtheplan,
    "blastcheck": blastcheck,
    "flatplan": flatplan,
    "terraform-visual": terraform_visual,
    "terraplanfeed": terraplanfeed,
    "pyrrho": pyrrho,
    "tf-peek": tf_peek,
    "terraform-unidiff": unidiff,
}


def main():
    program, documents = sys.argv[1:3]
    session = Session(os.path.abspath(documents), os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None)
    SESSIONS[program](session)
    for missing in session.missing:
        print(f"{program}: {missing}", file=sys.stderr)
    return 1 if session.missing else 0


if __name__ == "__main__":
    sys.exit(main())
