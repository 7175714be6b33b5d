//! What a host promises to who looks after its process: a service manager, a container, a program that
//! reads its log.

use std::io::Read as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, end, segno, with_steps};

/// Listens where a service manager does.
fn manager(directory: &TempDir) -> (UnixDatagram, std::path::PathBuf) {
    let path = directory.path().join("notify");
    (UnixDatagram::bind(&path).unwrap(), path)
}

fn heard(manager: &UnixDatagram) -> String {
    let mut said = [0; 256];
    let length = manager.recv(&mut said).unwrap();
    String::from_utf8_lossy(&said[..length]).trim().to_owned()
}

#[test]
fn systemd_is_told_when_the_host_is_ready_and_when_it_stops() {
    let directory = TempDir::new().unwrap();
    let (manager, socket) = manager(&directory);
    let mut command = with_steps();
    command.arg("serve").arg("--data").arg(directory.path().join("data"));
    let host = Process::start(command.env("NOTIFY_SOCKET", socket));
    assert_eq!(heard(&manager), "READY=1");
    let (live, said, _) = host.ask(&["health", "--live"]);
    assert_eq!(
        (live, said.contains("\"status\":\"ok\"") || said.contains("takes work")),
        (Some(0), true)
    );
    assert_eq!(host.terminate(), Some(0));
    assert_eq!(heard(&manager), "STOPPING=1");
}

#[test]
fn a_host_that_does_not_answer_is_not_live() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    assert_eq!(end(segno().args(["health", "--live", "--url", &url])).0, Some(3));
}

#[test]
fn a_log_for_programs_is_json_from_its_first_byte_to_its_last() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let mut command = with_steps();
    command.args(["serve", "--log-format", "json", "--data"]).arg(&data);
    command.args(["--listen", "127.0.0.1:0", "--webhook-listen", "127.0.0.1:0"]);
    let mut host = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0];
    host.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"{", "it is ready, and says so");
    // A second host finds the directory in use, and says that in the same way.
    let refused = Command::new(command.get_program()).args(command.get_args()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let pid = host.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let ended = host.wait_with_output().unwrap();
    let said = [&ended.stderr, &refused.stdout, &refused.stderr];
    let said = said.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    assert!(said.contains("is in use by another process") && said.contains("stopping"), "{said}");
    for line in said.lines() {
        let _line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    }
}
