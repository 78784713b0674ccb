//! The organisation of 200 projects: about 10,000 objects, looked at in bulk.

use crate::harness::Folder;

/// The number before a word: `9880` of `9880 to add`.
fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().expect("split gives one");
    let digits: String = before.trim_end().chars().rev().take_while(char::is_ascii_digit).collect();
    digits
        .chars()
        .rev()
        .collect::<String>()
        .parse()
        .unwrap_or_else(|_| panic!("no number before {word:?} in:\n{text}"))
}

#[test]
fn a_plan_from_nothing_costs_a_handful_of_calls() {
    let folder = Folder::example("organisation");
    let plan = folder.run("plan").exits(0);
    let adds = number_before(&plan.out, " to add");
    assert!((9_000..=11_000).contains(&adds), "about 10,000 objects are planned, not {adds}");
    let calls = number_before(&plan.out, " read calls");
    assert!(calls <= 10, "the plan of {adds} objects cost {calls} calls");
}

/// The first 30 projects: small enough for an unoptimised program.
#[test]
fn a_second_plan_reads_many_objects_with_each_call() {
    let folder = Folder::example("organisation");
    let csv = folder.read("inventaire.csv");
    let few: Vec<&str> = csv.lines().take(31).collect();
    folder.write("inventaire.csv", &(few.join("\n") + "\n"));
    let apply = folder.run("apply -auto-approve").exits(0);
    let objects = number_before(&apply.out, " added");
    let plan = folder.run("plan -detailed-exitcode").exits(0);
    let calls = number_before(&plan.out, " read calls");
    assert!(calls * 50 <= objects, "{calls} calls for {objects} objects");
    assert!(plan.out.contains("no write call"), "{}", plan.out);
}
