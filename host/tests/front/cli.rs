//! What the command line promises: real processes, their output and their exit codes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, end, segno};
use crate::support::{basics, manifest, rogue};

#[test]
fn what_cannot_be_understood_ends_with_2() {
    for arguments in
        [&["explode"][..], &[], &["serve"], &["start", "w", "--input", "{"], &["run", "run_1"]]
    {
        let (code, _, stderr) = end(segno().args(arguments));
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
    }
    assert_eq!(end(segno().arg("--help")).0, Some(0));
    assert_eq!(end(segno().arg("--version")).0, Some(0));
}

#[test]
fn a_host_that_does_not_answer_ends_with_3() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    for verb in [&["runs"][..], &["modules"], &["start", "w", "--wait"]] {
        let (code, _, stderr) = end(segno().args(verb).args(["--url", &url]));
        assert_eq!(code, Some(3), "{stderr}");
        assert!(stderr.starts_with(&format!("error: no host answers at {url}/: ")), "{stderr}");
    }
}

#[test]
fn what_answers_but_is_no_host_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (code, _, stderr) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = BufReader::new(stream.try_clone().unwrap()).lines();
            while head.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
                .unwrap();
        });
        end(segno().args(["runs", "--url", &url]))
    });
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with(&format!(
        "error: what answers at {url}/v1/runs?limit=50 is not understood (200)"
    )));
}

#[test]
fn a_port_or_a_directory_in_use_is_named() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    let address = host.url.strip_prefix("http://").unwrap();
    let other = TempDir::new().unwrap();
    let (code, _, stderr) =
        end(segno().arg("serve").arg("--data").arg(other.path()).args(["--listen", address]));
    assert_eq!(code, Some(1));
    let expected =
        format!("error: cannot listen on {address} for the management API: the port is in use; ");
    assert!(stderr.starts_with(&expected), "{stderr}");

    let free = ["--listen", "127.0.0.1:0", "--webhook-listen", "127.0.0.1:0"];
    let (code, _, stderr) = end(segno().arg("serve").arg("--data").arg(data.path()).args(free));
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("is in use by another process; stop it, or use another --data directory"),
        "{stderr}"
    );
}

#[test]
fn a_data_directory_that_is_none_is_named() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let free = ["--listen", "127.0.0.1:0", "--webhook-listen", "127.0.0.1:0"];
    let (code, _, stderr) = end(segno().arg("serve").arg("--data").arg(&file).args(free));
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains(&format!("error: the data directory {} cannot be used", file.display())),
        "{stderr}"
    );
}

#[test]
fn a_run_goes_from_deploy_to_its_timeline() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    assert_eq!(host.must(&["modules"]), "no modules; deploy one with `deploy FILE`\n");
    assert_eq!(host.must(&["runs"]), "no runs\n");
    let component = basics().to_str().unwrap();
    assert!(host.must(&["deploy", component]).starts_with("deployed: echo, "));
    assert!(host.must(&["deploy", component]).starts_with("unchanged: echo, "));
    assert!(host.must(&["modules"]).contains("echo (current)"));

    let run = host.must(&["start", "echo", "--input", r#"{"n":1}"#, "--key", "k"]);
    let again = host.must(&["start", "echo", "--input", r#"{"n":1}"#, "--key", "k"]);
    assert_eq!(run, again);
    let timeline = host.must(&["run", run.trim(), "--wait"]);
    assert!(timeline.starts_with(&format!("{}  echo  completed\n", run.trim())), "{timeline}");
    assert!(timeline.contains("the run completed with {\"n\":1}"), "{timeline}");
    assert!(
        host.must(&["runs", "--workflow", "echo", "--status", "completed"]).contains(run.trim())
    );
    let json: Value = serde_json::from_str(&host.must(&["run", run.trim(), "--json"])).unwrap();
    assert_eq!(json["events"][0]["event"]["type"], "run_started");
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn an_input_comes_from_a_file_or_from_standard_input() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(&data.path().join("data"));
    host.must(&["deploy", basics().to_str().unwrap()]);
    let file = data.path().join("input.json");
    std::fs::write(&file, "[1, 2]").unwrap();
    let from_file = host.must(&["start", "echo", "--input-file", file.to_str().unwrap(), "--wait"]);
    assert!(from_file.ends_with("completed: [1,2]\n"), "{from_file}");

    let mut command = segno();
    command.args(["start", "echo", "--input-file", "-", "--wait", "--url", &host.url]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"\"typed\"").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("completed: \"typed\"\n"));
}

#[test]
fn a_script_learns_from_the_exit_code_how_a_run_ended() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap(), rogue().to_str().unwrap()]);
    for (arguments, code, told) in [
        (&["start", "echo", "--wait=1m"][..], 0, "completed: null"),
        (&["start", "fails", "--input", "\"no\"", "--wait"], 4, "failed: no"),
        (&["start", "panic", "--input", "\"oh\"", "--wait"], 4, "blocked: trap: "),
        (&["start", "nap", "--input", "3600000", "--wait=1ms"], 5, "running"),
    ] {
        let (found, stdout, stderr) = host.ask(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {stdout}{stderr}");
        let (run, outcome) = stdout.split_once('\n').unwrap();
        assert!(run.starts_with("run_"), "{stdout}");
        assert!(outcome.starts_with(told), "{stdout}");
        let (found, _, stderr) = host.ask(&["run", run, "--wait=1ms"]);
        assert_eq!(found, Some(code), "{stderr}");
        assert_eq!(host.ask(&["run", run]).0, Some(0));
    }
}

#[test]
fn what_the_host_refuses_is_told_and_ends_with_1() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    let (code, stdout, stderr) = host.ask(&["start", "nothing"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(
        stderr,
        "error: there is no workflow `nothing`; no module is deployed yet: deploy one with `basics deploy MODULE.wasm`\n"
    );
    let (code, stdout, _) = host.ask(&["start", "nothing", "--json"]);
    assert_eq!(code, Some(1));
    let problem: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(problem["type"], "urn:segno:problem:unknown-workflow");

    let (code, _, stderr) = host.ask(&["deploy", "missing.wasm"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: cannot read missing.wasm: "), "{stderr}");
    let (code, _, stderr) = host.ask(&["deploy", manifest().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("is not deployed: this is not WebAssembly"), "{stderr}");
}

#[test]
fn cancelling_is_told_and_told_only_once() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let run = host.must(&["start", "nap", "--input", "3600000"]);
    let run = run.trim();
    let waiting = host.must(&["run", run]);
    assert!(waiting.contains("waits for\n  sleep #0 until "), "{waiting}");
    assert_eq!(host.must(&["cancel", run]), format!("{run} cancelled\n"));
    assert_eq!(host.must(&["cancel", run]), format!("{run} cancelled\n"));
    let (code, _, stderr) = host.ask(&["resume", run]);
    assert_eq!(
        (code, stderr),
        (
            Some(1),
            format!(
                "error: run {run} is neither blocked nor paused; only a run that is can be resumed\n"
            )
        )
    );
}

#[test]
fn many_runs_are_cancelled_at_once_and_one_that_refuses_keeps_no_other_from_it() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let start = || {
        let started = host.must(&["start", "nap", "--input", "3600000", "--json"]);
        let started: Value = serde_json::from_str(&started).unwrap();
        started["run_id"].as_str().unwrap().to_owned()
    };
    let runs = [start(), start(), start()];
    let unknown = "run_01JAB3CD4EF5GH6JK7MN8PQ9RS";
    let (code, said, error) = host.ask(&["cancel", &runs[0], unknown, &runs[1]]);
    assert_eq!(code, Some(1), "{said}{error}");
    assert!(error.contains(unknown), "{error}");
    let cancelled = |run: &String| said.contains(&format!("{run} cancelled"));
    assert!(cancelled(&runs[0]) && cancelled(&runs[1]), "{said}");

    let mut rest = segno();
    rest.args(["--url", &host.url, "cancel", "-"]).stdin(Stdio::piped());
    let mut rest = rest.stdout(Stdio::piped()).spawn().unwrap();
    writeln!(rest.stdin.take().unwrap(), "{}  nap  running", runs[2]).unwrap();
    let said = rest.wait_with_output().unwrap();
    assert!(said.status.success());
    assert!(String::from_utf8_lossy(&said.stdout).contains(&format!("{} cancelled", runs[2])));
}

#[test]
fn the_log_says_what_goes_wrong_and_who_did_what_without_what_the_run_was_given() {
    let data = TempDir::new().unwrap();
    let mut host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap(), rogue().to_str().unwrap()]);
    host.ask(&["start", "fails", "--input", "\"s3cret\"", "--wait"]);
    let failed = host.hear("the run failed");
    host.ask(&["start", "panic", "--input", "\"s3cret\"", "--wait"]);
    let blocked = host.hear("the run is blocked");
    host.ask(&["start", "step_fails", "--input", r#"{"fatal": "s3cret"}"#, "--wait"]);
    let given_up = host.hear("a step was given up");
    let run = host.must(&["start", "nap", "--input", "3600000"]);
    host.must(&["cancel", run.trim()]);
    let cancelled = host.hear("the run was cancelled");
    for (line, words) in [
        (&failed, &["WARN", "workflow=\"fails\"", "module=sha256:"][..]),
        (&blocked, &["WARN", "workflow=\"panic\"", "kind=trap"]),
        (&given_up, &["WARN", "workflow=\"step_fails\"", "step=\"fatal\"", "attempts=1"]),
        (&cancelled, &["INFO", "workflow=\"nap\"", run.trim()]),
    ] {
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
        assert!(!line.contains("s3cret"), "{line}");
    }
}

#[test]
fn a_token_that_was_given_is_the_only_one() {
    let data = TempDir::new().unwrap();
    let host = Process::start(
        segno().arg("serve").arg("--data").arg(data.path()).env("SEGNO_TOKEN", "s3cret"),
    );
    let (code, _, stderr) = host.ask(&["runs"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        "error: the host wants a token of its own, and got none or another one; name its data directory with --data, \
         or a file with a token with --token-file\n"
    );
    assert_eq!(host.must(&["runs", "--token", "s3cret"]), "no runs\n");
    assert!(!data.path().join("token").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    let mut child = segno()
        .args(["runs", "--url", &host.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, stdout, _) = end(segno().args(["completions", shell]));
        assert_eq!(code, Some(0));
        for verb in [
            "serve", "dev", "build", "deploy", "start", "runs", "cancel", "resume", "health",
            "modules",
        ] {
            assert!(stdout.contains(verb), "{shell}: {verb}");
        }
    }
}

#[test]
fn a_host_whose_workflow_never_ends_its_turn_stops_in_time_and_starts_without_that_run() {
    let directory = TempDir::new().unwrap();
    let serve = |more: &[&str]| {
        let endless = u64::MAX.to_string();
        let mut command = segno();
        command
            .arg("serve")
            .arg("--data")
            .arg(directory.path())
            .args(["--fuel-per-turn", &endless])
            .args(more);
        Process::start(&mut command)
    };
    let mut host = serve(&[]);
    host.must(&["deploy", rogue().to_str().unwrap()]);
    let run = host.must(&["start", "spin_later"]).trim().to_owned();
    host.hear("a turn takes long, and other runs wait for it");
    assert_eq!(host.terminate(), Some(0));
    let host = serve(&["--park", &run]);
    let (code, stdout, _) = host.ask(&["run", &run]);
    assert!(code == Some(0) && stdout.contains("blocked (parked)"), "{stdout}");
    host.must(&["cancel", &run]);
    assert_eq!(host.terminate(), Some(0));
}
