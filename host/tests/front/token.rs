//! How the command line comes by the token of a host, and what becomes of it: real processes.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::process::{Process, segno};

/// A host on this data directory.
fn serve(data: &Path, options: &[&str]) -> Process {
    Process::start(segno().arg("serve").arg("--data").arg(data).args(options))
}

/// Asks a host from another home, where nothing is known of it.
fn stranger(host: &Process) -> Command {
    let mut command = segno();
    command.args(["runs", "--url", &host.url]).env("XDG_STATE_HOME", "/nonexistent");
    command
}

fn is_let_in(command: &mut Command) -> bool {
    let Output { status, stderr, .. } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    let refused = stderr
        .starts_with("error: the host wants a token of its own, and got none or another one; ");
    assert_eq!(status.success(), !refused, "{stderr}");
    status.success()
}

#[test]
fn a_host_on_this_machine_is_asked_without_any_option() {
    let data = TempDir::new().unwrap();
    let host = serve(data.path(), &[]);
    assert!(is_let_in(segno().args(["runs", "--url", &host.url])));
    let port = host.url.rsplit(':').next().unwrap().to_owned();
    assert!(is_let_in(segno().args(["runs", "--url", &format!("http://localhost:{port}")])));

    // When it has ended, nobody sends its token to whoever listens there next.
    let registered = Path::new(env!("CARGO_TARGET_TMPDIR")).join("segno/hosts").join(port);
    assert!(registered.exists());
    assert_eq!(host.terminate(), Some(0));
    assert!(!registered.exists());
}

#[test]
fn who_cannot_read_the_token_is_not_let_in() {
    let data = TempDir::new().unwrap();
    let host = serve(data.path(), &[]);
    let file = host.token_file.clone().unwrap();
    assert_eq!(file, data.path().join("token"));
    let token = std::fs::read_to_string(&file).unwrap();

    assert!(!is_let_in(&mut stranger(&host)));
    assert!(!is_let_in(stranger(&host).args(["--token", "another"])));
    assert!(is_let_in(stranger(&host).args(["--token", token.trim()])));
    assert!(is_let_in(stranger(&host).env("SEGNO_TOKEN", token.trim())));
    assert!(is_let_in(stranger(&host).arg("--token-file").arg(&file)));
    assert!(is_let_in(stranger(&host).arg("--data").arg(data.path())));
    assert!(is_let_in(stranger(&host).env("SEGNO_DATA", data.path())));

    let missing = stranger(&host).args(["--token-file", "/nonexistent/token"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    let stderr = String::from_utf8(missing.stderr).unwrap();
    assert!(
        stderr.starts_with("error: the token file /nonexistent/token cannot be used"),
        "{stderr}"
    );
}

#[test]
fn a_restart_keeps_the_token() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("token");
    let host = serve(data.path(), &[]);
    let token = std::fs::read_to_string(&file).unwrap();
    assert_eq!(host.terminate(), Some(0));
    let host = serve(data.path(), &[]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), token);
    assert!(is_let_in(stranger(&host).arg("--token-file").arg(&file)));
}

#[cfg(unix)]
#[test]
fn the_token_is_its_owners_alone_whatever_else_others_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let data = TempDir::new().unwrap();
    let directory = data.path().join("data");
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 0; exec \"$0\" \"$@\""]).arg(env!("CARGO_BIN_EXE_segno"));
    shell
        .env("XDG_STATE_HOME", data.path().join("state"))
        .args(["serve", "--data"])
        .arg(&directory);
    let host = Process::start(&mut shell);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&host.token_file.clone().unwrap()), 0o600);
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&data.path().join("state/segno/hosts")), 0o700);
}

#[test]
fn what_is_asked_for_stands_in_the_log_with_the_name_of_the_token() {
    let directory = TempDir::new().unwrap();
    let tokens = directory.path().join("tokens");
    std::fs::write(&tokens, "night-shift operate s3cret\n").unwrap();
    let mut host =
        serve(&directory.path().join("data"), &["--token-file", tokens.to_str().unwrap()]);
    for (verb, line) in [
        (&["start", "nothing"][..], r#"method=POST path="/v1/workflows/nothing/runs" status=404"#),
        (&["deploy", tokens.to_str().unwrap()], r#"method=PUT path="/v1/modules" status=403"#),
    ] {
        let refused =
            segno().args(verb).args(["--url", &host.url, "--token", "s3cret"]).output().unwrap();
        assert_eq!(refused.status.code(), Some(1));
        host.hear(&format!(r#"the management API was asked token="night-shift" {line}"#));
    }
}
