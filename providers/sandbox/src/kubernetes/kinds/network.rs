//! Services and network policies.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::{default, entry};
use crate::kubernetes::{names, status::Cause};

/// A port without a protocol is TCP; a policy is for ingress, and for egress if it has such rules.
pub(super) fn policy_defaults(object: &mut Value) {
    let spec = entry(object, &["spec"]);
    for list in ["ingress", "egress"] {
        let rules = spec.get_mut(list).and_then(Value::as_array_mut);
        for port in rules.into_iter().flatten().filter_map(|rule| rule["ports"].as_array_mut()).flatten() {
            if port["protocol"].is_null() {
                let old = port.as_object().cloned().unwrap_or_default();
                *port = json!({ "protocol": "TCP" });
                if let Some(map) = port.as_object_mut() {
                    map.extend(old.into_iter().filter(|(_, value)| !value.is_null()));
                }
            }
        }
    }
    if spec.get("policyTypes").is_none_or(Value::is_null) {
        let mut types = vec!["Ingress"];
        if spec.get("egress").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty()) {
            types.push("Egress");
        }
        spec.insert("policyTypes".into(), json!(types));
    }
}

pub(super) fn check_policy(object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    check_selector(&spec["podSelector"], "spec.podSelector", causes);
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for (at, rule) in spec[list].as_array().into_iter().flatten().enumerate() {
            let field = format!("spec.{list}[{at}]");
            for (at, port) in rule["ports"].as_array().into_iter().flatten().enumerate() {
                check_port(port, &format!("{field}.ports[{at}]"), causes);
            }
            for (at, peer) in rule[peers].as_array().into_iter().flatten().enumerate() {
                check_peer(peer, &format!("{field}.{peers}[{at}]"), causes);
            }
        }
    }
    let types = spec["policyTypes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if types.len() > 2 {
        let known = ["Ingress", "Egress"];
        causes.push(Cause::invalid(
            "spec.policyTypes",
            &spec["policyTypes"],
            &format!("may not specify more than {} policyTypes", known.len()),
        ));
    }
    for (at, kind) in types.iter().enumerate() {
        let known = ["Ingress", "Egress"];
        if !known.contains(&kind.as_str().unwrap_or_default()) {
            causes.push(Cause::unsupported(format!("spec.policyTypes[{at}]"), kind, &known));
        }
    }
}

fn check_selector(selector: &Value, field: &str, causes: &mut Vec<Cause>) {
    if let Some(labels) = selector["matchLabels"].as_object() {
        names::check_labels(&format!("{field}.matchLabels"), labels, causes);
    }
    for (at, entry) in selector["matchExpressions"].as_array().into_iter().flatten().enumerate() {
        let field = format!("{field}.matchExpressions[{at}]");
        let values = entry["values"].as_array().is_some_and(|values| !values.is_empty());
        match entry["operator"].as_str().unwrap_or_default() {
            "In" | "NotIn" if !values => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(format!("{field}.values"), why));
            }
            "Exists" | "DoesNotExist" if values => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(format!("{field}.values"), why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => {
                let why = "not a valid selector operator";
                causes.push(Cause::invalid(format!("{field}.operator"), &entry["operator"], why));
            }
        }
    }
}

fn check_port(port: &Value, field: &str, causes: &mut Vec<Cause>) {
    let known = ["TCP", "UDP", "SCTP"];
    if !known.contains(&port["protocol"].as_str().unwrap_or("TCP")) {
        causes.push(Cause::unsupported(format!("{field}.protocol"), &port["protocol"], &known));
    }
    let range = |number: i64| (1..=65535).contains(&number);
    for name in ["port", "endPort"] {
        if port[name].as_i64().is_some_and(|number| !range(number)) {
            let why = "must be between 1 and 65535, inclusive";
            causes.push(Cause::invalid(format!("{field}.{name}"), &port[name], why));
        }
    }
    if let Some(end) = port["endPort"].as_i64() {
        match port["port"].as_i64() {
            Some(start) if end < start => {
                let why = "must be greater than or equal to `port`";
                causes.push(Cause::invalid(format!("{field}.endPort"), &port["endPort"], why));
            }
            Some(_) => {}
            None => causes
                .push(Cause::required(format!("{field}.port"), "may not be unset when endPort is specified")),
        }
    }
}

fn check_peer(peer: &Value, field: &str, causes: &mut Vec<Cause>) {
    let parts = ["podSelector", "namespaceSelector", "ipBlock"];
    let count = parts.iter().filter(|name| peer[**name].is_object()).count();
    for name in ["podSelector", "namespaceSelector"] {
        check_selector(&peer[name], &format!("{field}.{name}"), causes);
    }
    if peer["ipBlock"].is_object() {
        let field = format!("{field}.ipBlock");
        check_cidr(&peer["ipBlock"]["cidr"], &format!("{field}.cidr"), causes);
        for (at, except) in peer["ipBlock"]["except"].as_array().into_iter().flatten().enumerate() {
            check_cidr(except, &format!("{field}.except[{at}]"), causes);
        }
        if count > 1 {
            causes.push(Cause::forbidden(field, "may not specify both ipBlock and another peer"));
        }
    }
    if count == 0 {
        causes.push(Cause::required(field, "must specify a peer"));
    }
}

fn check_cidr(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    let text = value.as_str().unwrap_or_default();
    if text.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if !is_cidr(text) {
        let why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        causes.push(Cause::invalid(field, value, why));
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let limit = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= limit)
}

pub(super) fn service_defaults(object: &mut Value) {
    let spec = entry(object, &["spec"]);
    default(spec, "sessionAffinity", "None");
    default(spec, "type", "ClusterIP");
    let external = spec.get("type").and_then(Value::as_str) == Some("ExternalName");
    if !external {
        default(spec, "internalTrafficPolicy", "Cluster");
    }
    if matches!(spec.get("type").and_then(Value::as_str), Some("NodePort" | "LoadBalancer")) {
        default(spec, "externalTrafficPolicy", "Cluster");
    }
    if spec.get("type").and_then(Value::as_str) == Some("LoadBalancer") {
        default(spec, "allocateLoadBalancerNodePorts", true);
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if port["targetPort"].is_null() {
            port["targetPort"] = port["port"].clone();
        }
    }
}

/// Gives a new service its addresses; `number` makes them its own.
pub(crate) fn allocate(object: &mut Value, number: u64) {
    let spec = entry(object, &["spec"]);
    let kind = spec.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind == "ExternalName" {
        return;
    }
    // 172.30.0.0/16, as OpenShift has it; the first addresses are kept.
    let low = 10 + number % 65_000;
    let [.., high, low] = u32::try_from(low).unwrap_or(10).to_be_bytes();
    default(spec, "clusterIP", Ipv4Addr::new(172, 30, high, low).to_string());
    let address = spec.get("clusterIP").cloned().unwrap_or(Value::Null);
    default(spec, "clusterIPs", json!([address]));
    default(spec, "ipFamilies", json!(["IPv4"]));
    default(spec, "ipFamilyPolicy", "SingleStack");
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
        for (at, port) in ports.into_iter().flatten().enumerate() {
            if port["nodePort"].is_null() {
                port["nodePort"] = (30_000 + (number + at as u64) % 2_768).into();
            }
        }
    }
}

pub(super) fn check_service(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    let kind = spec["type"].as_str().unwrap_or_default();
    let known = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !known.contains(&kind) {
        causes.push(Cause::unsupported("spec.type", &spec["type"], &known));
    }
    let ports = spec["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    let headless = spec["clusterIP"].as_str() == Some("None");
    if ports.is_empty() && kind != "ExternalName" && !headless {
        causes.push(Cause::required("spec.ports", ""));
    }
    let mut seen = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        let field = format!("spec.ports[{at}]");
        check_port(port, &field, causes);
        if port["port"].is_null() {
            causes.push(Cause::invalid(
                format!("{field}.port"),
                &0.into(),
                "must be between 1 and 65535, inclusive",
            ));
        }
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() && ports.len() > 1 {
            causes.push(Cause::required(format!("{field}.name"), ""));
        }
        if !name.is_empty() && seen.contains(&name) {
            causes.push(Cause::duplicate(format!("{field}.name"), &name.into()));
        }
        seen.push(name);
    }
    if kind == "ExternalName" && spec["externalName"].as_str().unwrap_or_default().is_empty() {
        causes.push(Cause::required("spec.externalName", ""));
    }
    if let Some(old) = old {
        let (before, now) = (&old["spec"]["clusterIP"], &spec["clusterIP"]);
        if before.is_string() && before != now && kind != "ExternalName" {
            let list = json!([now]);
            causes.push(Cause::invalid("spec.clusterIPs[0]", &list, "may not change once set"));
        }
    }
}
