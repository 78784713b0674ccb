//! What GitLab's merge request widget reads (`artifacts:reports:terraform`).
//! <https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsterraform>

use pilotis_plan::Plan;
use serde_json::{Value as Json, json};

use crate::Counts;

/// Numbers only, with no name and no value: a replacement is one created and one deleted.
pub fn gitlab(plan: &Plan) -> Json {
    let counts = Counts::of(plan);
    // GitLab refuses numbers of more than six digits.
    let most = |n: usize| n.min(999_999);
    json!({ "create": most(counts.add), "update": most(counts.change), "delete": most(counts.destroy) })
}
