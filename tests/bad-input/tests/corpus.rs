//! Every input of the fuzz targets' corpus holds, without libFuzzer.

use std::path::{Path, PathBuf};

use pilotis_bad_input::TARGETS;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

#[test]
fn every_input_holds() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let mut inputs = 0;
        for entry in std::fs::read_dir(corpus().join(name)).expect("a target has a corpus").flatten() {
            let data = std::fs::read(entry.path()).expect("a readable file");
            inputs += 1;
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                broken.push(format!("fuzz/corpus/{name}/{}", entry.file_name().display()));
            }
        }
        assert!(inputs > 20, "{name} has {inputs} inputs");
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_target_has_a_binary() {
    let manifest = std::fs::read_to_string(corpus().join("../Cargo.toml")).expect("the manifest");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}
