//! Who may do what: users, tokens, and the rules of roles and bindings.
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>

use serde_json::{Value, json};

use super::{
    resources::Key,
    status::{About, Failure},
    world::World,
};

/// The API group of roles and bindings.
pub(crate) const RBAC: &str = "rbac.authorization.k8s.io";

/// Who sends a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) groups: Vec<String>,
}

impl User {
    /// The user of the token with all rights.
    pub(crate) fn admin() -> User {
        let groups = ["system:masters", "system:cluster-admins", "system:authenticated"];
        User { name: "kube:admin".into(), uid: String::new(), groups: groups.map(str::to_owned).to_vec() }
    }

    pub(crate) fn anonymous() -> User {
        User {
            name: "system:anonymous".into(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".into()],
        }
    }

    pub(crate) fn service_account(namespace: &str, name: &str, uid: &str) -> User {
        let groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ];
        User { name: format!("system:serviceaccount:{namespace}:{name}"), uid: uid.to_owned(), groups }
    }

    /// Somebody whom another user acts for.
    pub(crate) fn impersonated(name: &str, groups: Vec<String>) -> User {
        let mut groups = groups;
        if !groups.iter().any(|group| group == "system:authenticated" || group == "system:unauthenticated") {
            groups.push("system:authenticated".into());
        }
        User { name: name.to_owned(), uid: String::new(), groups }
    }

    /// Nothing is refused to the masters.
    pub(crate) fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == "system:masters")
    }
}

/// What somebody wants to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Action<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// A path that is no resource; the rest is then empty.
    pub(crate) path: &'a str,
}

impl Action<'_> {
    fn full_resource(&self) -> String {
        match self.subresource {
            "" => self.resource.to_owned(),
            sub => format!("{}/{sub}", self.resource),
        }
    }

    /// The refusal.
    pub(crate) fn refused(&self, user: &User) -> Failure {
        if !self.path.is_empty() {
            return Failure::forbidden_path(&user.name, self.verb, self.path);
        }
        let place = match self.namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace \"{namespace}\""),
        };
        let why = format!(
            "User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            user.name,
            self.verb,
            self.full_resource(),
            self.group
        );
        Failure::forbidden(&About { group: self.group, kind: self.resource, name: self.name }, &why)
    }
}

/// Whether an action is allowed, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) allowed: bool,
    pub(crate) reason: String,
}

/// Decides.
pub(crate) fn decide(world: &World, user: &User, action: &Action<'_>) -> Decision {
    if user.is_master() {
        return Decision { allowed: true, reason: String::new() };
    }
    for grant in grants(world, user, action.namespace) {
        if grant.rules.iter().any(|rule| covers_action(rule, action)) {
            return Decision { allowed: true, reason: format!("RBAC: allowed by {}", grant.shown) };
        }
    }
    Decision { allowed: false, reason: String::new() }
}

/// The error, if the action is not allowed.
pub(crate) fn require(world: &World, user: &User, action: &Action<'_>) -> Result<(), Failure> {
    if decide(world, user, action).allowed { Ok(()) } else { Err(action.refused(user)) }
}

/// Rules that a binding gives a user.
struct Grant<'a> {
    rules: &'a [Value],
    /// `RoleBinding "a/ns" of ClusterRole "admin" to Group "developers"`
    shown: String,
}

fn grants<'a>(world: &'a World, user: &User, namespace: &str) -> Vec<Grant<'a>> {
    let mut found = Vec::new();
    let mut add = |binding: &'a Value, kind: &str, shown: &str, home: &str| {
        let Some(subject) = subject_of(binding, user, home) else { return };
        let role = &binding["roleRef"];
        let (role_kind, role_name) =
            (role["kind"].as_str().unwrap_or_default(), role["name"].as_str().unwrap_or_default());
        if let Some(rules) = role_rules(world, role_kind, role_name, home) {
            let shown = format!("{kind} \"{shown}\" of {role_kind} \"{role_name}\" to {subject}");
            found.push(Grant { rules, shown });
        }
    };
    let (cluster, local) = (Key::new(RBAC, "clusterrolebindings"), Key::new(RBAC, "rolebindings"));
    for (name, binding) in world.existing(&cluster).into_iter().flat_map(|table| table.all()) {
        add(&binding.value, "ClusterRoleBinding", name, "");
    }
    if !namespace.is_empty() {
        let prefix = format!("{namespace}/");
        if let Some(table) = world.existing(&local) {
            for (key, binding) in table.range(&prefix, "") {
                let name = key.strip_prefix(&prefix).unwrap_or(key);
                add(&binding.value, "RoleBinding", &format!("{name}/{namespace}"), namespace);
            }
        }
    }
    found
}

fn subject_of(binding: &Value, user: &User, home: &str) -> Option<String> {
    let subjects = binding["subjects"].as_array()?;
    subjects.iter().find_map(|subject| {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str()? {
            "User" if name == user.name => Some(format!("User \"{name}\"")),
            "Group" if user.groups.iter().any(|group| group == name) => Some(format!("Group \"{name}\"")),
            "ServiceAccount" => {
                let namespace = subject["namespace"].as_str().unwrap_or(home);
                let full = format!("system:serviceaccount:{namespace}:{name}");
                (full == user.name).then(|| format!("ServiceAccount \"{name}/{namespace}\""))
            }
            _ => None,
        }
    })
}

/// The rules of a role; a role that does not exist gives nothing.
pub(crate) fn role_rules<'a>(
    world: &'a World,
    kind: &str,
    name: &str,
    namespace: &str,
) -> Option<&'a [Value]> {
    let role = match kind {
        "ClusterRole" => world.get(&Key::new(RBAC, "clusterroles"), name),
        _ => world.get(&Key::new(RBAC, "roles"), &format!("{namespace}/{name}")),
    }?;
    role.value["rules"].as_array().map(Vec::as_slice)
}

fn has(rule: &Value, list: &str, wanted: &str) -> bool {
    let items = rule[list].as_array().into_iter().flatten().filter_map(Value::as_str);
    items.into_iter().any(|item| item == "*" || item == wanted)
}

fn covers_action(rule: &Value, action: &Action<'_>) -> bool {
    if !has(rule, "verbs", action.verb) {
        return false;
    }
    if !action.path.is_empty() {
        let urls = rule["nonResourceURLs"].as_array().into_iter().flatten().filter_map(Value::as_str);
        return urls.into_iter().any(|url| match url.strip_suffix('*') {
            Some(prefix) => action.path.starts_with(prefix),
            None => url == action.path,
        });
    }
    let names = rule["resourceNames"].as_array().map(Vec::as_slice).unwrap_or_default();
    let any_sub =
        !action.subresource.is_empty() && has(rule, "resources", &format!("*/{}", action.subresource));
    has(rule, "apiGroups", action.group)
        && (has(rule, "resources", &action.full_resource()) || any_sub)
        && (names.is_empty() || names.iter().any(|name| name.as_str() == Some(action.name)))
}

/// All rules that a user has in a namespace, for `SelfSubjectRulesReview` and for the check of escalation.
pub(crate) fn rules_of(world: &World, user: &User, namespace: &str) -> Vec<Value> {
    if user.is_master() {
        return vec![
            json!({ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }),
            json!({ "verbs": ["*"], "nonResourceURLs": ["*"] }),
        ];
    }
    grants(world, user, namespace).into_iter().flat_map(|grant| grant.rules.to_vec()).collect()
}

/// Nobody gives rights that they don't have.
pub(crate) fn check_escalation(
    world: &World,
    user: &User,
    about: &About<'_>,
    namespace: &str,
    wanted: &[Value],
) -> Result<(), Failure> {
    if user.is_master() {
        return Ok(());
    }
    let held = rules_of(world, user, namespace);
    let missing: Vec<String> = wanted
        .iter()
        .filter(|rule| !held.iter().any(|known| covers_rule(known, rule)))
        .map(compact)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let groups: Vec<String> = user.groups.iter().map(|group| format!("{group:?}")).collect();
    let why = format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        groups.join(" "),
        missing.join("\n")
    );
    Err(Failure::forbidden(about, &why))
}

/// Does one rule of the holder cover the whole of the wanted one?
fn covers_rule(held: &Value, wanted: &Value) -> bool {
    let all = |list: &str| {
        let items = wanted[list].as_array().into_iter().flatten().filter_map(Value::as_str);
        items.into_iter().all(|item| has(held, list, item))
    };
    let names = held["resourceNames"].as_array().is_none_or(Vec::is_empty) || all("resourceNames");
    ["verbs", "apiGroups", "resources", "nonResourceURLs"].into_iter().all(all) && names
}

fn compact(rule: &Value) -> String {
    let fields = [
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("ResourceNames", "resourceNames"),
        ("Verbs", "verbs"),
    ];
    let parts: Vec<String> = fields
        .iter()
        .filter_map(|(shown, name)| {
            let items = rule[*name].as_array().filter(|items| !items.is_empty())?;
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            Some(format!("{shown}:[{}]", items.join(" ")))
        })
        .collect();
    format!("{{{}}}", parts.join(", "))
}
