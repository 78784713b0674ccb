#!/usr/bin/env bash
# Starts a fresh sandbox and runs the kubectl session against its cluster. KUBECTL is the program, `kubectl` if unset.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/run_kubernetes.sh" bash "$here/kubectl_session.sh"
