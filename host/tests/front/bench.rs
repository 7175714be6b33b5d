//! `bench` as a user calls it, with numbers so small that they mean nothing: all of it is there.

use std::process::Output;

use serde_json::Value;

use crate::process::segno;

/// Measures hardly anything, on the disk on which the tests are built.
fn bench(arguments: &[&str]) -> String {
    let small =
        ["bench", "--scale", "0.002", "--rounds", "1", "--directory", env!("CARGO_TARGET_TMPDIR")];
    let Output { status, stdout, stderr } = segno().args(small).args(arguments).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn every_workload_gives_its_numbers() {
    let report: Value = serde_json::from_str(&bench(&["--json", "--million"])).unwrap();
    for field in ["cpu", "cores", "memory", "kernel", "disk", "load"] {
        assert!(report["machine"].get(field).is_some(), "{field}: {report:#}");
    }
    assert!(report["disk"]["append_ms"].as_f64().unwrap() > 0.0);
    assert!(report["disk"]["in_place_ms"].as_f64().unwrap() > 0.0);
    let rows = report["rows"].as_array().unwrap();
    let of_workload = |name: &str| rows.iter().filter(|row| row["workload"] == name).count();
    let found =
        ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10", "W11"].map(of_workload);
    assert_eq!(found, [6, 3, 2, 7, 5, 5, 3, 5, 5, 1, 1], "{rows:#?}");
    for row in rows {
        let is_told = cfg!(target_os = "linux")
            || !["bytes", "cores"].iter().any(|unit| row["unit"] == *unit);
        assert_eq!(row["median"].is_number(), is_told, "{row}");
        assert_eq!(row["met"].is_boolean(), is_told && !row["goal"].is_null(), "{row}");
    }
}

#[test]
fn a_person_gets_a_table_of_what_was_asked_for() {
    let text = bench(&["--only", "w3,W1"]);
    for words in ["machine ", "fdatasync", "| W1 ", "a step, 2 in one run", "| W3 ", " ms", "Goal"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("| W2 "), "{text}");
}
