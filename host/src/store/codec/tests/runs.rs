//! Records of runs, however they stand.

use super::*;

#[test]
fn runs_in_every_standing_are_read_for_ever() {
    let at = Timestamp(1_700_000_000_000);
    let standings = [
        ("run-running", Standing::Running),
        ("run-completed", Standing::Completed(at)),
        ("run-failed", Standing::Failed(at)),
        ("run-cancelled", Standing::Cancelled(at)),
    ];
    let kinds = [
        BlockKind::Trap,
        BlockKind::Divergence,
        BlockKind::Limit,
        BlockKind::Module,
        BlockKind::Journal,
        BlockKind::Lost,
        BlockKind::Parked,
    ];
    let held = kinds.map(|kind| {
        let blocked = Blocked { kind, message: "why".into() };
        (format!("run-blocked-{kind}"), Standing::Blocked(blocked))
    });
    let standings = standings.map(|(name, standing)| (name.to_owned(), standing));
    for (name, standing) in standings.into_iter().chain(held) {
        let module = Digest::from_bytes([9; 32]);
        let record = RunRecord::new("w".into(), module, at, [7; 32], standing);
        // As it was before runs had parents.
        read(&golden(&name, &codec::encode(&record)), &record);
    }
    let (run, root) = (RunId::from_parts(at, 7), RunId::from_parts(at, 8));
    let parent = Parent { run, op: Op(3), root, policy: ClosePolicy::Leave };
    let mut record =
        RunRecord::new("w".into(), Digest::from_bytes([9; 32]), at, [7; 32], Standing::Running);
    // As they were before somebody could be called at their end.
    read(&golden("run-of-nobody", &codec::encode(&record)), &record);
    read(&golden("run-that-calls-nobody", &codec::encode(&record)), &record);
    record.parent = Some(Arc::new(parent));
    read(&golden("run-of-a-parent", &codec::encode(&record)), &record);
    record.on_end = Some("https://example.com/ended".into());
    read(&golden("run-that-calls", &codec::encode(&record)), &record);
    with_times(record);
}

/// Runs that begin later or may take some time only, and those that somebody holds up.
fn with_times(record: RunRecord) {
    let begins_at = Some(Timestamp(1_700_000_100_000));
    let times_out_at = Some(Timestamp(1_700_000_200_000));
    let at = record.started_at;
    let record = RunRecord { begins_at, times_out_at, ..record };
    for (name, standing) in [
        ("run-with-times", Standing::Running),
        ("run-pending", Standing::Pending),
        ("run-paused", Standing::Paused(at)),
    ] {
        // As they were before they knew their keys, and a time-out could count anew.
        let record = RunRecord { standing, ..record.clone() };
        read(&golden(name, &codec::encode(&record)), &record);
    }
    let (key, counts_from) = (Some("order-1".into()), Some(Timestamp(1_700_000_150_000)));
    let record = RunRecord { key, counts_from, ..record };
    // As it was before a run could be a fork.
    read(&golden("run-with-a-key", &codec::encode(&record)), &record);
    let ancestor = |number: u8, until| Ancestor {
        run: RunId::from_parts(Timestamp(1_700_000_000_000 + u64::from(number)), number.into()),
        seed: [number; 32],
        parent: (number == 1).then(|| RunId::from_parts(Timestamp(1_600_000_000_000), 9)),
        until,
    };
    let ancestors = vec![ancestor(1, 4), ancestor(2, 7)];
    let (from, started_at) = (ancestors[1].run, Timestamp(1_700_000_000_001));
    let (set_aside, fingerprint) = (2, 11_166_082_421_577_975_370);
    let lineage = Lineage { from, turn: 7, started_at, ancestors, set_aside, fingerprint };
    check("run-forked", &RunRecord { forked: Some(Arc::new(lineage)), ..record });
}
