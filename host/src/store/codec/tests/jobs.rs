//! Jobs of the host, and that it is paused.

use segno_journal::JobId;

use super::*;
use crate::store::host_pause::HostPause;
use crate::store::job_records::{JobAction, JobRecord, StoppedBy};

#[test]
fn jobs_of_every_kind_are_read_for_ever() {
    let at = Timestamp(1_700_000_000_000);
    let module = Digest::from_bytes([9; 32]);
    let record = |action| JobRecord {
        made_at: at,
        by: Some("me".into()),
        action,
        filter: vec![("workflow".into(), "a".into())],
        matched: 300,
        more: false,
        at: RunId::from_parts(at, 42),
        done: 5,
        unchanged: 2,
        refused: 1,
        ended_at: None,
        stopped: None,
    };
    for (name, action) in [
        ("job-cancel", JobAction::Cancel { kill: true, within_ms: 3_600_000 }),
        ("job-pause", JobAction::Pause),
        ("job-resume", JobAction::Resume { module: None }),
        ("job-retry", JobAction::Retry { module: Some(module) }),
        ("job-delete", JobAction::Delete),
        ("job-move", JobAction::Move { module }),
    ] {
        check(name, &record(action));
    }
    let stopped = Some(StoppedBy(Some("you".into())));
    check("job-stopped", &JobRecord { ended_at: Some(at), stopped, ..record(JobAction::Pause) });
    check("job-refusal", &"no".to_owned());
    check("host-pause", &HostPause { at, by: Some("me".into()) });
    assert_eq!(JobId::from_parts(at, 42).to_bytes(), RunId::from_parts(at, 42).to_bytes());
}
