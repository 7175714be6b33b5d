//! The machine that is measured on: what it is, what its disk takes by itself, and what a process
//! takes of it. What the system does not tell is not known.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cli::bench::figures::median;

/// What a disk is asked to write at once, in bytes: about a turn.
const WRITE: usize = 512;

/// How often it is asked.
const WRITES: usize = 300;

/// What the kernel counts computing time in: hundredths of a second, on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// What a machine is.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    /// The model of the processor.
    pub(super) cpu: Option<String>,
    /// How many cores this process may use.
    pub(super) cores: usize,
    /// In bytes.
    pub(super) memory: Option<u64>,
    /// The system and its version.
    pub(super) kernel: Option<String>,
    /// The file system that is measured, and what it lies on.
    pub(super) disk: Option<String>,
    /// The load average over one minute, when this was asked.
    pub(super) load: Option<String>,
}

/// What a disk takes by itself, medians in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Disk {
    /// A write at the end of a file, and `fdatasync`.
    pub(super) append_ms: f64,
    /// A write in the middle of a file, and `fdatasync`.
    pub(super) in_place_ms: f64,
}

impl Machine {
    /// The machine, and the file system of a directory.
    pub(super) fn of(directory: &Path) -> Self {
        let kernel =
            read("/proc/sys/kernel/osrelease").map(|release| format!("Linux {}", release.trim()));
        Self {
            cpu: value("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: value("/proc/meminfo", "MemTotal").and_then(|text| kibibytes(&text)),
            kernel,
            disk: file_system(directory),
            load: load(),
        }
    }
}

/// The load average over one minute.
pub(super) fn load() -> Option<String> {
    read("/proc/loadavg")?.split(' ').next().map(str::to_owned)
}

/// Asks the disk under a directory what a durable write takes.
pub(super) fn ask_disk(directory: &Path) -> anyhow::Result<Disk> {
    let path = directory.join("raw");
    let mut file = File::create(&path)?;
    let mut sync = |at: Option<SeekFrom>| -> std::io::Result<f64> {
        at.map(|at| file.seek(at)).transpose()?;
        let begun = Instant::now();
        file.write_all(&[7; WRITE])?;
        file.sync_data()?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    };
    let appended = (0..WRITES).map(|_| sync(None)).collect::<Result<Vec<_>, _>>()?;
    let places = (0..WRITES).map(|number| SeekFrom::Start((number * WRITE) as u64));
    let in_place = places.map(|place| sync(Some(place))).collect::<Result<Vec<_>, _>>()?;
    fs::remove_file(&path)?;
    Ok(Disk { append_ms: median(appended), in_place_ms: median(in_place) })
}

/// The memory that a process holds, in bytes.
pub(super) fn resident(process: u32) -> Option<u64> {
    kibibytes(&value(&format!("/proc/{process}/status"), "VmRSS")?)
}

/// The time that a process has computed, over all cores.
pub(super) fn computed(process: u32) -> Option<Duration> {
    let stat = read(&format!("/proc/{process}/stat"))?;
    // The name of the program, which may hold anything, ends with the last bracket.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map_while(|field| field.parse::<u32>().ok());
    Some(TICK * (fields.next()? + fields.next()?))
}

/// What the files of a directory take on the disk, in bytes.
pub(super) fn stored(directory: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let metadata = entry?.metadata()?;
        if metadata.is_file() {
            sum += on_disk(&metadata);
        }
    }
    Ok(sum)
}

#[cfg(unix)]
fn on_disk(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    // Blocks are of 512 bytes here, whatever those of the file system are.
    metadata.blocks() * 512
}

#[cfg(not(unix))]
fn on_disk(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

/// The kind of the file system that a directory lies on, and its device: of the mounts above the
/// directory the last one.
fn file_system(directory: &Path) -> Option<String> {
    let directory = fs::canonicalize(directory).ok()?;
    let mounts = read("/proc/self/mounts")?;
    let mut found = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        let device = fields.next()?;
        let place = fields.next()?;
        let kind = fields.next()?;
        let length = place.len();
        if directory.starts_with(place)
            && found.as_ref().is_none_or(|(longest, _)| *longest <= length)
        {
            found = Some((length, format!("{kind} on {device}")));
        }
    }
    found.map(|(_, text)| text)
}

/// What stands behind a name in a file of lines of names and values.
fn value(path: &str, name: &str) -> Option<String> {
    let text = read(path)?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn kibibytes(text: &str) -> Option<u64> {
    text.strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|number| number << 10)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}
