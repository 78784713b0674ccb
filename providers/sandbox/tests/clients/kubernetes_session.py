"""A session of the official Python client against the sandbox's cluster: typed and dynamic.

    kubernetes_session.py KUBECONFIG
"""

import json
import sys
import time

from kubernetes import client, config, dynamic, watch
from kubernetes.client import ApiException

config.load_kube_config(sys.argv[1])
core = client.CoreV1Api()
NS = "python"


def meta(name, **more):
    return client.V1ObjectMeta(name=name, **more)


def refused(status, call, *args, **kwargs):
    """The call fails with this status; gives what the server said."""
    try:
        call(*args, **kwargs)
    except ApiException as error:
        assert error.status == status, (error.status, error.body)
        return json.loads(error.body)["message"]
    raise AssertionError(f"not refused: {call} {args}")


def until(condition):
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in five seconds")


assert client.VersionApi().get_code().major == "1"

core.create_namespace(client.V1Namespace(metadata=meta(NS)))
assert "already exists" in refused(409, core.create_namespace, client.V1Namespace(metadata=meta(NS)))
for number in range(25):
    core.create_namespaced_config_map(NS, client.V1ConfigMap(metadata=meta(f"c{number:02}", labels={"a": "b"})))

# Pages.
names, token = [], None
while True:
    page = core.list_namespaced_config_map(NS, limit=10, _continue=token, label_selector="a=b")
    names += [item.metadata.name for item in page.items]
    token = page.metadata._continue
    if not token:
        break
assert names == [f"c{number:02}" for number in range(25)], names

# Versions.
first = core.read_namespaced_config_map("c00", NS)
first.data = {"x": "1"}
core.replace_namespaced_config_map("c00", NS, first)
assert "has been modified" in refused(409, core.replace_namespaced_config_map, "c00", NS, first)
patched = core.patch_namespaced_config_map("c00", NS, {"data": {"y": "2"}})
assert patched.data == {"x": "1", "y": "2"}
assert "not found" in refused(404, core.read_namespaced_config_map, "none", NS)

# A watch sees what is there, and ends.
seen = [event["type"] for event in watch.Watch().stream(core.list_namespaced_config_map, NS, timeout_seconds=1)]
assert seen.count("ADDED") == 26, seen

# A quota and its status.
spec = client.V1ResourceQuotaSpec(hard={"secrets": "1", "requests.cpu": "2000m"})
core.create_namespaced_resource_quota(NS, client.V1ResourceQuota(metadata=meta("q"), spec=spec))
until(lambda: core.read_namespaced_resource_quota("q", NS).status.used)
assert core.read_namespaced_resource_quota("q", NS).status.hard == {"secrets": "1", "requests.cpu": "2"}
core.create_namespaced_secret(NS, client.V1Secret(metadata=meta("one"), string_data={"k": "v"}))
second = client.V1Secret(metadata=meta("two"))
assert "exceeded quota: q" in refused(403, core.create_namespaced_secret, NS, second)

# The dynamic client: discovery, OpenShift, custom resources, server-side apply.
any_kind = dynamic.DynamicClient(client.ApiClient())


def kind(api_version, name):
    return any_kind.resources.get(api_version=api_version, kind=name)


requests, projects = kind("project.openshift.io/v1", "ProjectRequest"), kind("project.openshift.io/v1", "Project")
made = requests.create(body={
    "apiVersion": "project.openshift.io/v1", "kind": "ProjectRequest", "metadata": {"name": "carto"}, "displayName": "Carto",
})
assert made.metadata.annotations["openshift.io/display-name"] == "Carto"
assert "carto" in [project.metadata.name for project in projects.get().items]

routes = kind("route.openshift.io/v1", "Route")
route = {
    "apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": {"name": "web"},
    "spec": {"to": {"kind": "Service", "name": "web"}},
}
applied = any_kind.server_side_apply(routes, body=route, name="web", namespace="carto", field_manager="one")
assert applied.spec.host == "web-carto.apps.sandbox.example", applied.spec
until(lambda: routes.get(name="web", namespace="carto").status)
other = dict(route, spec={"to": {"kind": "Service", "name": "other"}})
message = refused(409, any_kind.server_side_apply, routes, body=other, name="web", namespace="carto", field_manager="two")
assert 'conflict with "one"' in message, message

projects.delete(name="carto")
core.delete_namespace(NS)


def gone(name):
    try:
        core.read_namespace(name)
    except ApiException as error:
        return error.status == 404
    return False


until(lambda: gone(NS) and gone("carto"))
print("kubernetes session: all as expected")
