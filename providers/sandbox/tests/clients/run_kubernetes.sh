#!/usr/bin/env bash
# Starts a fresh Kubernetes sandbox and runs a client session against it:
#
#     run_kubernetes.sh python3 kubernetes_session.py     needs the PyPI package kubernetes
#
# The session's program gets the path of a kubeconfig as its last argument; its exit code is this script's.
set -euo pipefail
work=$(mktemp -d)
trap 'exec 3>&-; wait; rm -rf "$work"' EXIT
mkfifo "$work/in"
cargo build --quiet -p pilotis-sandbox --example serve
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
"$target/debug/examples/serve" "$work/sandbox.db" kubernetes <"$work/in" >"$work/out" &
# The server ends when this closes.
exec 3>"$work/in"
for _ in $(seq 100); do [ -s "$work/out" ] && break; sleep 0.1; done
python3 - "$work/out" >"$work/kubeconfig" <<'P'
import base64, json, sys
at = json.load(open(sys.argv[1]))["kubernetes"]
ca = base64.b64encode(at["ca_pem"].encode()).decode()
print(json.dumps({
    "apiVersion": "v1", "kind": "Config", "current-context": "sandbox",
    "clusters": [{"name": "sandbox", "cluster": {"server": at["url"], "certificate-authority-data": ca}}],
    "users": [{"name": "admin", "user": {"token": at["token"]}}],
    "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "admin"}}],
}))
P
"$@" "$work/kubeconfig"
