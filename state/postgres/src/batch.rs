//! From writes to statements: writes that don't touch the same things are done together, each kind by one statement over arrays, so that
//! ten thousand objects are a handful of statements. Nothing is sent here.

use std::collections::HashSet;

use pilotis_state::audit::AuditEntry;
use pilotis_state::{
    Change, Expect, Intent, IntentId, Observation, OutputRecord, ResourceKey, ResourceRecord, Run, RunId,
    RunStatus, Timestamp, Write,
};

/// Writes that can be done in one order, whatever the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct Segment<'a> {
    pub(crate) turn_into: Option<(&'a str, u64, u64)>,
    pub(crate) rename: Option<(&'a ResourceKey, &'a ResourceKey)>,
    pub(crate) runs: Vec<&'a Run>,
    /// Runs that are over.
    pub(crate) fenced: Vec<&'a RunId>,
    pub(crate) begun: Vec<&'a Intent>,
    pub(crate) copied: Vec<&'a Intent>,
    pub(crate) closed: Vec<&'a IntentId>,
    pub(crate) changes: Vec<&'a Change>,
    pub(crate) expected: Vec<(&'a ResourceKey, i64)>,
    pub(crate) removed: Vec<&'a ResourceKey>,
    /// With the version that the row is to have; none: the serial of the transaction.
    pub(crate) put: Vec<(&'a ResourceRecord, Option<i64>)>,
    pub(crate) seen: Vec<&'a Observation>,
    pub(crate) outputs: Vec<&'a OutputRecord>,
    pub(crate) gone_outputs: Vec<&'a str>,
    pub(crate) ended: Vec<(&'a RunId, RunStatus, Timestamp, u64)>,
    /// Run, digest and text of what runs were made of.
    pub(crate) made_of: Vec<(&'a RunId, &'a str, &'a str)>,
    pub(crate) checks: Option<&'a str>,
    /// The journal of another state.
    pub(crate) audit: Option<&'a [AuditEntry]>,
    touched: HashSet<Thing<'a>>,
}

/// What a write touches. Two that touch the same are done one after the other.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Thing<'a> {
    Object(&'a ResourceKey),
    Observation(&'a ResourceKey),
    Output(&'a str),
    Intent(&'a IntentId),
    Run(&'a RunId),
    MadeOf(&'a str),
    Checks,
    Audit,
    /// Everything else comes before or after.
    Everything,
}

/// A row that must not be there is expected at version 0: serials begin at 1.
pub(crate) const ABSENT: i64 = 0;

/// Cuts writes into segments, in order.
pub(crate) fn segments(writes: &[Write]) -> Vec<Segment<'_>> {
    let mut segments: Vec<Segment<'_>> = Vec::new();
    for write in writes {
        match segments.last_mut() {
            Some(last) if last.takes(write) => last.add(write),
            _ => {
                let mut segment = Segment::default();
                segment.add(write);
                segments.push(segment);
            }
        }
    }
    segments
}

fn touches(write: &Write) -> Vec<Thing<'_>> {
    match write {
        Write::StartRun(run) => vec![Thing::Run(&run.id)],
        Write::FinishRun { id, .. } => vec![Thing::Run(id)],
        Write::Fence { run, .. } => vec![Thing::Run(run)],
        Write::KeepMadeOf { run, digest, .. } => vec![Thing::Run(run), Thing::MadeOf(digest)],
        Write::PutChecks(_) => vec![Thing::Checks],
        Write::Begin(intent) | Write::CopyIntent(intent) => vec![Thing::Intent(&intent.id)],
        Write::Finish { id, .. } => vec![Thing::Intent(id)],
        Write::Note(_) | Write::Approve { .. } | Write::Called { .. } => Vec::new(),
        Write::CopyAudit(_) => vec![Thing::Audit],
        Write::Put { record, .. } | Write::CopyResource(record) => vec![Thing::Object(&record.key)],
        Write::Remove { key, .. } => vec![Thing::Object(key), Thing::Observation(key)],
        Write::Observe(seen) => vec![Thing::Observation(&seen.key)],
        Write::PutOutput(output) => vec![Thing::Output(&output.name)],
        Write::RemoveOutput(name) => vec![Thing::Output(name)],
        Write::Move { .. } | Write::Become { .. } => vec![Thing::Everything],
    }
}

impl<'a> Segment<'a> {
    fn takes(&self, write: &Write) -> bool {
        match write {
            Write::Move { .. } | Write::Become { .. } => return false,
            // Runs are made first: what named one before it was made must fail.
            Write::StartRun(_) if !self.runs_named().is_empty() => return false,
            _ => {}
        }
        !self.touched.contains(&Thing::Everything) && touches(write).iter().all(|t| !self.touched.contains(t))
    }

    fn add(&mut self, write: &'a Write) {
        self.touched.extend(touches(write));
        match write {
            Write::StartRun(run) => self.runs.push(run),
            Write::FinishRun { id, status, at, calls } => self.ended.push((id, *status, *at, *calls)),
            Write::Fence { run, .. } => self.fenced.push(run),
            Write::KeepMadeOf { run, digest, text } => self.made_of.push((run, digest, text)),
            // They are told in the journal, and stored nowhere else.
            Write::Approve { .. } | Write::Called { .. } => {}
            Write::CopyAudit(entries) => self.audit = Some(entries),
            Write::PutChecks(checks) => self.checks = Some(checks),
            Write::Begin(intent) => self.begun.push(intent),
            Write::CopyIntent(intent) => self.copied.push(intent),
            Write::Finish { id, change } => {
                self.closed.push(id);
                self.changes.push(change);
            }
            Write::Note(change) => self.changes.push(change),
            Write::Put { record, expect } => {
                self.expect(&record.key, *expect);
                self.put.push((record, None));
            }
            Write::CopyResource(record) => {
                self.expect(&record.key, Expect::Absent);
                self.put.push((record, Some(record.version)));
            }
            Write::Remove { key, expect } => {
                self.expect(key, *expect);
                self.removed.push(key);
            }
            Write::Move { from, to } => {
                self.expect(to, Expect::Absent);
                self.rename = Some((from, to));
            }
            Write::Observe(seen) => self.seen.push(seen),
            Write::PutOutput(output) => self.outputs.push(output),
            Write::RemoveOutput(name) => self.gone_outputs.push(name),
            Write::Become { lineage, serial, read } => self.turn_into = Some((lineage, *serial, *read)),
        }
    }

    fn expect(&mut self, key: &'a ResourceKey, expect: Expect) {
        match expect {
            Expect::Any => {}
            Expect::Absent => self.expected.push((key, ABSENT)),
            Expect::Version(version) => self.expected.push((key, version)),
        }
    }

    /// The runs that are named and must be there, each once.
    pub(crate) fn runs_named(&self) -> Vec<&'a str> {
        let intents = self.begun.iter().chain(&self.copied).map(|i| &i.run);
        let made = self.made_of.iter().map(|m| m.0);
        let all = intents.chain(self.changes.iter().map(|c| &c.run)).chain(self.ended.iter().map(|e| e.0));
        let all = all.chain(made);
        let mut names: Vec<&str> = all.map(|run| &*run.0).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pilotis_state::conformance::{change, intent, record, run};

    fn put(address: &str) -> Write {
        Write::Put { record: record(address), expect: Expect::Any }
    }

    fn finish(id: &str) -> Write {
        Write::Finish { id: IntentId(id.into()), change: change("r", "a", 1) }
    }

    #[test]
    fn what_touches_different_things_is_done_together() {
        let writes: Vec<Write> =
            (0..100).flat_map(|n| [finish(&n.to_string()), put(&format!("a[{n}]"))]).collect();
        let segments = segments(&writes);
        assert_eq!(segments.len(), 1);
        assert_eq!(
            (segments[0].closed.len(), segments[0].changes.len(), segments[0].put.len()),
            (100, 100, 100)
        );
        assert_eq!(segments[0].runs_named(), ["r"]);
    }

    #[test]
    fn what_touches_the_same_keeps_its_order() {
        let remove = Write::Remove { key: ResourceKey::current("a"), expect: Expect::Any };
        let move_away = Write::Move { from: ResourceKey::current("a"), to: ResourceKey::current("b") };
        let cases: [(&[Write], usize); 6] = [
            (&[put("a"), remove.clone(), put("a")], 3),
            (&[put("a"), move_away, put("a")], 3),
            (&[Write::StartRun(run("r")), Write::Begin(intent("i", "r", "a")), finish("i")], 2),
            (&[finish("i"), Write::StartRun(run("r"))], 2),
            (&[Write::StartRun(run("r")), Write::StartRun(run("r"))], 2),
            (&[put("a"), Write::Begin(intent("i", "r", "a")), put("b"), remove], 2),
        ];
        for (writes, number) in cases {
            assert_eq!(segments(writes).len(), number, "{writes:?}");
        }
    }
}
