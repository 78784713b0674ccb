#!/usr/bin/env bash
# A session of kubectl against the sandbox's cluster: what a person does in a day, and what must be refused.
#   kubectl_session.sh KUBECONFIG [KUBECTL]
# Works with kubectl 1.20 and later. Ends with an error at the first answer that is not as expected.
set -euo pipefail
export KUBECONFIG=${1:?usage: kubectl_session.sh KUBECONFIG [KUBECTL]}
kubectl=${2:-${KUBECTL:-kubectl}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work # discovery is cached there
ns=session-$$

k() { "$kubectl" "$@"; }
step() { echo "· $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
# same EXPECTED ACTUAL
same() { [ "$1" = "$2" ] || fail "expected: $1
  got:      $2"; }
# refused TEXT COMMAND…: the command fails and says TEXT
refused() {
  local text=$1 said; shift
  if said=$("$@" 2>&1); then fail "not refused: $*"; fi
  grep -qF -- "$text" <<<"$said" || fail "expected '$text' from: $*
  got: $said"
}

step "version, discovery"
k version >/dev/null 2>&1
k api-resources -o name >"$work/resources"
for name in configmaps deployments.apps roles.rbac.authorization.k8s.io projects.project.openshift.io \
  clusterresourcequotas.quota.openshift.io routes.route.openshift.io applications.argoproj.io; do
  grep -qx "$name" "$work/resources" || fail "no resource $name"
done

step "a namespace"
k create namespace "$ns" >/dev/null
same Active "$(k get namespace "$ns" -o jsonpath='{.status.phase}')"
same "$ns" "$(k get namespace "$ns" -o jsonpath='{.metadata.labels.kubernetes\.io/metadata\.name}')"
k get serviceaccount default -n "$ns" >/dev/null
refused "already exists" k create namespace "$ns"
refused "not found" k get namespace "$ns-none"
refused "is invalid" k create namespace Bad_Name

step "apply, diff, apply again"
cat >"$work/app.yaml" <<Y
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: $ns}
data: {colour: blue}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: $ns}
spec: {limits: [{type: Container, default: {cpu: 200m}, max: {cpu: "1"}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: $ns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: Group, name: developers, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: $ns}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: $ns}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "registry.example/web:1"}]}
Y
k apply -f "$work/app.yaml" >/dev/null
same "" "$(k diff -f "$work/app.yaml")"
k apply -f "$work/app.yaml" >"$work/again"
# The lists of the limit range and of the policy are sent again, as the server filled them in.
same 3 "$(grep -c unchanged "$work/again")"
sed -i 's/colour: blue/colour: red/' "$work/app.yaml"
if k diff -f "$work/app.yaml" >"$work/diff"; then fail "diff saw nothing"; fi
grep -q '^+  colour: red' "$work/diff" || fail "$(cat "$work/diff")"
k apply --dry-run=server -f "$work/app.yaml" >/dev/null
same blue "$(k get configmap settings -n "$ns" -o jsonpath='{.data.colour}')"
k apply -f "$work/app.yaml" >/dev/null
same red "$(k get configmap settings -n "$ns" -o jsonpath='{.data.colour}')"
same TCP "$(k get networkpolicy web -n "$ns" -o jsonpath='{.spec.ingress[0].ports[0].protocol}')"
same 200m "$(k get limitrange limits -n "$ns" -o jsonpath='{.spec.limits[0].defaultRequest.cpu}')"
k rollout status deployment/web -n "$ns" --timeout=10s >/dev/null

step "tables and descriptions"
k get configmap,deployment,rolebinding -n "$ns" -o wide >"$work/wide"
grep -q 'ClusterRole/view' "$work/wide" || fail "$(cat "$work/wide")"
k describe namespace "$ns" >/dev/null
k describe limitrange limits -n "$ns" >/dev/null
k get configmap settings -n "$ns" -o yaml | grep -q '^  colour: red' || fail "yaml"

step "patch, label, replace, stale replace"
k patch configmap settings -n "$ns" -p '{"data":{"size":"2"}}' >/dev/null
k patch configmap settings -n "$ns" --type=json -p '[{"op":"remove","path":"/data/size"}]' >/dev/null
k patch configmap settings -n "$ns" --type=merge -p '{"data":{"shape":"round"}}' >/dev/null
k label configmap settings -n "$ns" team=a >/dev/null
k annotate configmap settings -n "$ns" note=hello >/dev/null
same "configmap/settings" "$(k get configmap -n "$ns" -l team=a -o name)"
k get configmap settings -n "$ns" -o json >"$work/old.json"
k label configmap settings -n "$ns" team=b --overwrite >/dev/null
refused "the object has been modified" k replace -f "$work/old.json"
refused "The request is invalid" k patch configmap settings -n "$ns" --type=json -p '[{"op":"test","path":"/data/shape","value":"x"}]'

step "server-side apply: owners and conflicts"
cat >"$work/owned.yaml" <<Y
apiVersion: v1
kind: ConfigMap
metadata: {name: owned, namespace: $ns}
data: {a: "1", b: "1"}
Y
k apply --server-side --field-manager=one -f "$work/owned.yaml" >/dev/null
sed -i 's/a: "1"/a: "2"/' "$work/owned.yaml"
refused 'conflict with "one"' k apply --server-side --field-manager=two -f "$work/owned.yaml"
k apply --server-side --field-manager=two --force-conflicts -f "$work/owned.yaml" >/dev/null
same 2 "$(k get configmap owned -n "$ns" -o jsonpath='{.data.a}')"
sed -i 's/, b: "1"//' "$work/owned.yaml"
k apply --server-side --field-manager=two -f "$work/owned.yaml" >/dev/null
same 1 "$(k get configmap owned -n "$ns" -o jsonpath='{.data.b}')"

step "a list over several pages"
{ for i in $(seq 1 45); do
  printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: page-%02d, namespace: %s, labels: {page: "yes"}}\n' "$i" "$ns"
done; } >"$work/pages.yaml"
k create -f "$work/pages.yaml" >/dev/null
same 45 "$(k get configmap -n "$ns" -l page=yes --chunk-size=10 -o name | wc -l)"
same "$(k get configmap -n "$ns" -o name | sort)" "$(k get configmap -n "$ns" --chunk-size=7 -o name | sort)"
k delete configmap -n "$ns" -l page=yes >/dev/null
same 0 "$(k get configmap -n "$ns" -l page=yes -o name | wc -l)"

step "a quota that is full"
k create quota small -n "$ns" --hard=secrets=1 >/dev/null
for _ in $(seq 50); do [ "$(k get quota small -n "$ns" -o jsonpath='{.status.hard.secrets}')" = 1 ] && break; sleep 0.1; done
k create secret generic first -n "$ns" --from-literal=password=hunter2 >/dev/null
same aHVudGVyMg== "$(k get secret first -n "$ns" -o jsonpath='{.data.password}')"
refused "exceeded quota: small, requested: secrets=1, used: secrets=1, limited: secrets=1" \
  k create secret generic second -n "$ns" --from-literal=password=x

step "what is refused"
cat >"$work/typo.yaml" <<Y
apiVersion: v1
kind: ConfigMap
metadata: {name: bad, namespace: $ns}
dta: {a: b}
Y
refused 'unknown field "dta"' k create -f "$work/typo.yaml"
refused "cannot change roleRef" k patch rolebinding readers -n "$ns" -p '{"roleRef":{"name":"edit"}}'
refused "field is immutable" k patch secret first -n "$ns" -p '{"type":"x/y"}'
refused "cannot list resource" k get secrets -n "$ns" --as=somebody
refused "Unauthorized" k get namespaces --token=wrong
same yes "$(k auth can-i list configmaps -n "$ns" --as=somebody --as-group=developers)"
same no "$(k auth can-i list secrets -n "$ns" --as=somebody --as-group=developers || true)"

step "tokens of a service account"
if "$kubectl" create token --help 2>/dev/null | grep -q -e --duration; then # since 1.24
  token=$(k create token default -n "$ns" --duration=10m)
  same 3 "$(echo "$token" | tr . '\n' | wc -l | tr -d ' ')"
  same "system:serviceaccount:$ns:default" "$(k auth whoami --token="$token" -o jsonpath='{.status.userInfo.username}')"
  refused "10 minutes" k create token default -n "$ns" --duration=60s
  refused "not found" k create token nobody -n "$ns"
  same '["vault"]' "$(k create token default -n "$ns" --audience=vault -o jsonpath='{.spec.audiences}')"
fi

step "custom resources"
cat >"$work/project.yaml" <<Y
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: team, namespace: $ns}
spec: {description: Team, sourceRepos: ["*"]}
Y
k apply -f "$work/project.yaml" >/dev/null
k apply -f "$work/project.yaml" | grep -q unchanged || fail "applied again, and changed"
refused "must be of type array" k patch appproject team -n "$ns" --type=merge -p '{"spec":{"sourceRepos":"x"}}'

step "OpenShift: a project that is asked for"
cat >"$work/request.yaml" <<Y
apiVersion: project.openshift.io/v1
kind: ProjectRequest
metadata: {name: $ns-p}
displayName: P
Y
k create -f "$work/request.yaml" >/dev/null
same P "$(k get project "$ns-p" -o jsonpath='{.metadata.annotations.openshift\.io/display-name}')"
same admin "$(k get rolebinding admin -n "$ns-p" -o jsonpath='{.roleRef.name}')"
k delete project "$ns-p" --wait=false >/dev/null

step "deletion, and waiting for it"
k create configmap held -n "$ns" --from-literal=a=b >/dev/null
k patch configmap held -n "$ns" --type=merge -p '{"metadata":{"finalizers":["example.com/hold"]}}' >/dev/null
k delete configmap held -n "$ns" --wait=false >/dev/null
[ -n "$(k get configmap held -n "$ns" -o jsonpath='{.metadata.deletionTimestamp}')" ] || fail "not held"
k delete namespace "$ns" --wait=false >/dev/null
refused "because it is being terminated" k create configmap late -n "$ns" --from-literal=a=b
same Terminating "$(k get namespace "$ns" -o jsonpath='{.status.phase}')"
k wait --for=delete "namespace/$ns" --timeout=30s >/dev/null &
sleep 2 # an older kubectl fails if there is nothing left to wait for
k patch configmap held -n "$ns" --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null
wait $! || fail "waiting for the deletion"
refused "not found" k get namespace "$ns"
echo "kubectl session: all as expected"
