//! The excerpt of a saved plan: the same plan, made from no more than what its changes rest on.
//!
//! To make a plan again costs what it cost to make it, also if all that it does is one change among ten thousand objects. So beside the
//! whole of its inputs a saved plan may hold an excerpt of them: a saved plan of its own, without the blocks of which nothing changes and
//! that nothing that changes needs, and without their rows. It is kept only if it gives the same digest, and stands for the whole only
//! while the state is the one that the plan was made on.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use pilotis_config::{RootVariables, Schemas};
use pilotis_state::Snapshot;

use crate::machine::Machine;
use crate::planfile::PlanFile;
use crate::recording::{Answers, FunctionFiles, ModuleFiles, RecordingFiles, unanswerable};
use crate::{Answer, Phase, Request, RequestId};

impl PlanFile {
    /// The excerpt of this plan, which `machine` has just made; none if it would be of no use, or not the same plan.
    pub fn excerpt(&self, machine: &mut Machine, schemas: &Schemas) -> Option<PlanFile> {
        let idle = machine.idle();
        // To make a plan twice, for an excerpt that is hardly smaller, helps nobody.
        if idle.rows.len() <= self.snapshot.resources.len() / 2 {
            return None;
        }
        let modules = without(&self.modules, idle.blocks)?;
        let resources = self.snapshot.resources.iter().filter(|r| !idle.rows.contains(&r.key));
        let snapshot = Snapshot {
            lineage: self.snapshot.lineage.clone(),
            serial: self.snapshot.serial,
            resources: resources.cloned().collect(),
            outputs: self.snapshot.outputs.clone(),
            ..Snapshot::default()
        };
        let shorter = PlanFile {
            program: self.program.clone(),
            modules,
            files: FunctionFiles::default(),
            variables: self.variables.clone(),
            given_ephemeral: self.given_ephemeral.clone(),
            options: self.options.clone(),
            snapshot: Arc::new(snapshot),
            head: self.head.clone(),
            answers: Answers::default(),
            started: self.started,
            seed: self.seed,
            digest: self.digest.clone(),
            excerpt: None,
        };
        let (answers, files) = self.made_from(&shorter, machine, schemas)?;
        Some(PlanFile { answers, files, ..shorter })
    }

    /// What the shorter plan asks for, if it comes to the same digest with what this one was told.
    fn made_from(
        &self,
        shorter: &PlanFile,
        whole: &Machine,
        schemas: &Schemas,
    ) -> Option<(Answers, FunctionFiles)> {
        let (configuration, diagnostics) = shorter.configuration(schemas);
        if diagnostics.has_errors() {
            return None;
        }
        let files = Arc::new(RecordingFiles::new(Arc::new(self.files.clone())));
        let mut inputs = shorter.inputs(Arc::new(configuration), schemas.clone(), &RootVariables::new());
        inputs.files = files.clone();
        let mut machine = Machine::new(inputs);
        let mut answers = Answers::default();
        while machine.phase() == Phase::Planning {
            for (id, request) in machine.next() {
                let told = self.answer(&machine, &request);
                let answer = told.or_else(|| told_otherwise(whole, &machine, id, &request))?;
                answers.asked(id, machine.provider_of(&request), &request);
                answers.answered(id, &answer);
                machine.answer(id, answer, self.started);
            }
        }
        let plan = machine.take_plan()?;
        let same = plan.digest == self.digest && !plan.diagnostics.has_errors();
        same.then(|| (answers, files.files()))
    }
}

/// The answer to what was asked in another way when there was more to ask: what a listing told of an object is told of it alone.
fn told_otherwise(whole: &Machine, shorter: &Machine, id: RequestId, request: &Request) -> Option<Answer> {
    match request {
        Request::Read { .. } => {
            let keys = shorter.rows_asked_for(id);
            let seen = keys.iter().map(|key| whole.seen_of(key).map(Ok));
            Some(Answer::Read(seen.collect::<Option<_>>()?))
        }
        Request::Open { .. } | Request::Close { .. } => unanswerable(request),
        _ => None,
    }
}

/// The files without the text of some blocks; every line keeps its number. None if a block is not found where it was read.
fn without(modules: &ModuleFiles, mut cuts: HashMap<Arc<str>, Vec<Range<usize>>>) -> Option<ModuleFiles> {
    cuts.values_mut().for_each(|ranges| ranges.sort_by_key(|range| range.start));
    let mut shorter = BTreeMap::new();
    for (folder, files) in &modules.0 {
        let mut kept = Vec::with_capacity(files.len());
        for (name, text) in files {
            // Each file is cut once: a name that comes again would be another file's.
            let text = match cuts.remove(&**name) {
                Some(ranges) => cut(text, &ranges)?,
                None => text.clone(),
            };
            kept.push((name.clone(), text));
        }
        shorter.insert(folder.clone(), kept);
    }
    cuts.is_empty().then_some(ModuleFiles(shorter))
}

fn cut(text: &str, ranges: &[Range<usize>]) -> Option<String> {
    let mut kept = String::new();
    let mut at = 0;
    for range in ranges {
        kept.push_str(text.get(at..range.start)?);
        let lines = text.get(range.clone())?.bytes().filter(|b| *b == b'\n').count();
        kept.extend(std::iter::repeat_n('\n', lines));
        at = range.end;
    }
    kept.push_str(text.get(at..)?);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers() {
        let text = "a {\n  é = 1\n}\nb {}\n\nc {\n}\n";
        let of = |part: &str| text.find(part).map(|at| at..at + part.len()).unwrap();
        let short = cut(text, &[of("a {\n  é = 1\n}"), of("c {\n}")]).unwrap();
        assert_eq!(short, "\n\n\nb {}\n\n\n\n");
        assert_eq!(cut(text, &[of("b {}"), of("a {")]), None, "ranges out of order are none of this text");
    }
}
