#!/usr/bin/env bash
# Starts a fresh GitLab sandbox and runs a client session against it:
#
#     run.sh python3 gitlab_session.py     needs python-gitlab
#     run.sh node gitlab_session.mjs       needs @gitbeaker/rest in a node_modules beside or above the script
#
# The session's program gets the address and the token as its last arguments; its exit code is this script's.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'exec 3>&-; wait; rm -rf "$work"' EXIT
mkfifo "$work/in"
cargo build --quiet -p pilotis-sandbox --example serve
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
"$target/debug/examples/serve" "$work/sandbox.db" gitlab <"$work/in" >"$work/out" &
# The server ends when this closes.
exec 3>"$work/in"
for _ in $(seq 100); do [ -s "$work/out" ] && break; sleep 0.1; done
read -r url token < <(python3 -c 'import json,sys; e=json.load(open(sys.argv[1]))["gitlab"]; print(e["url"], e["token"])' "$work/out")
"$@" "$url" "$token"
