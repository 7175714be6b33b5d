//! Compiling where it can harm nobody: in a process of its own, which has so much memory and time and
//! not more. A component may be small and take the compiler hours and gigabytes.
//!
//! The process is this very program, told to compile: it puts what it has compiled into the cache that
//! both share, where it is found by its content, the compiler and the settings. So a component that is
//! compiled in time is loaded at once, and another one has cost the host nothing.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::sandbox::error::ModuleError;

/// The command that makes a program compile a component and nothing else.
pub const COMPILE: &str = "compile-component";

/// How long a component may take the compiler. A usual one takes a tenth of a second.
const COMPILE_TIME: Duration = Duration::from_secs(30);

/// How much memory a component may take the compiler, in bytes: hundreds of times its own size.
pub(super) const COMPILE_MEMORY: u64 = 2 << 30;

/// How much is read of what the compiler says of a component.
const SAID: u64 = 4 << 10;

/// How often it is looked whether the compiler has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// A program that compiles when it is told to: one whose `main` is that of a host.
#[derive(Debug, Clone)]
pub(super) struct Compiler {
    program: PathBuf,
    cache: PathBuf,
    memory: usize,
}

impl Compiler {
    /// This program compiles into this cache, for runs of so much memory.
    pub(super) fn new(program: PathBuf, cache: &Path, memory: usize) -> Self {
        Self { program, cache: cache.to_owned(), memory }
    }

    /// Compiles a component into the cache, unless it is there.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or that it takes too much.
    pub(super) fn compile(&self, wasm: &[u8]) -> Result<(), ModuleError> {
        let failed = |error: std::io::Error| ModuleError::NoCompiler { detail: error.to_string() };
        let mut child = Command::new(&self.program)
            .arg(COMPILE)
            .args([self.cache.as_os_str(), self.memory.to_string().as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take();
        let status = std::thread::scope(|scope| {
            // One that ends before it has read all says why by how it ends.
            scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(wasm)));
            wait(&mut child, COMPILE_TIME)
        });
        verdict(status.map_err(failed)?, &mut child)
    }
}

/// Waits for the end of the compiler, or ends it. None is that its time was up.
fn wait(child: &mut Child, time: Duration) -> std::io::Result<Option<ExitStatus>> {
    for _ in 0..time.as_millis() / PAUSE.as_millis() {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::park_timeout(PAUSE);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn verdict(status: Option<ExitStatus>, child: &mut Child) -> Result<(), ModuleError> {
    let too_costly =
        ModuleError::TooCostly { seconds: COMPILE_TIME.as_secs(), mebibytes: COMPILE_MEMORY >> 20 };
    // Without a code, the system has stopped it.
    match status.and_then(|status| status.code()) {
        Some(0) => Ok(()),
        Some(_) => {
            let mut said = String::new();
            let read =
                child.stdout.take().map(|stdout| stdout.take(SAID).read_to_string(&mut said));
            if read.is_some_and(|read| read.is_ok()) && !said.is_empty() {
                Err(ModuleError::Invalid { detail: said })
            } else {
                Err(too_costly)
            }
        }
        None => Err(too_costly),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn compiled_by(program: &str) -> String {
        let compiler = Compiler::new(program.into(), Path::new("cache"), 1);
        compiler.compile(&[0; 1 << 20]).expect_err(program).to_string()
    }

    #[test]
    fn a_compiler_that_does_not_end_is_ended() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert_eq!(wait(&mut child, Duration::from_millis(20)).unwrap(), None);
        assert!(child.try_wait().unwrap().is_some(), "it is gone");
    }

    #[test]
    fn how_the_compiler_ended_says_what_is_wrong() {
        assert!(
            compiled_by("false")
                .starts_with("this component takes the compiler more than 30 seconds")
        );
        assert!(compiled_by("/nowhere/segno").starts_with("the compiler cannot be started: "));
        // Says its arguments and fails not, so it has compiled.
        let compiler = Compiler::new("echo".into(), Path::new("cache"), 1);
        compiler.compile(b"").unwrap();
    }
}
