//! Real power cuts: ext4 on a loop device, shut down so that page cache and unwritten journal are lost, and mounted again.
//!
//! Unlike the simulated disk this takes sled's own files with it. Needs root, loop devices and the tools of ext4.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use abide_store::disk::sim::Random;

use crate::kill::{self, Report};
use abide_store::disk::sim_index;

const IMAGE_BYTES: u64 = 1 << 30;
/// `EXT4_IOC_SHUTDOWN` with `NOLOGFLUSH`: stop now, write nothing more.
const SHUTDOWN: rustix::ioctl::Opcode = rustix::ioctl::opcode::read::<u32>(b'X', 125);
const NO_LOG_FLUSH: u32 = 2;

/// Cuts the power of a child's file system `rounds` times; an explanation instead when this machine cannot.
pub fn run(seed: u64, rounds: u64, command: impl Fn(&Path) -> Command) -> Result<String, String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let volume = match Volume::make(dir.path()) {
        Ok(volume) => volume,
        Err(error) => return Ok(format!("skipped: {error}")),
    };
    let mut random = Random::new(seed);
    let mut report = Report::default();
    for round in 0..rounds {
        let named = |error: String| format!("seed {seed}, round {round}: {error}");
        volume.mount().map_err(named)?;
        let child = kill::start(command(&volume.data()))?;
        let (waits, after) = kill::moment(&mut random);
        let struck = kill::strike_after(child, waits, after, || volume.cut_power());
        volume.unmount().map_err(named)?;
        struck.and_then(|struck| report.add(struck)).map_err(named)?;
    }
    volume.mount()?;
    kill::check_end(&volume.data(), seed, report.acked)?;
    Ok(format!("{report:?}"))
}

struct Volume {
    image: PathBuf,
    mount: PathBuf,
}

impl Volume {
    fn make(dir: &Path) -> Result<Volume, String> {
        let volume = Volume { image: dir.join("image"), mount: dir.join("mount") };
        let image = File::create(&volume.image).map_err(|error| error.to_string())?;
        image.set_len(IMAGE_BYTES).map_err(|error| error.to_string())?;
        std::fs::create_dir(&volume.mount).map_err(|error| error.to_string())?;
        call(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&volume.image))?;
        volume.mount()?;
        volume.unmount()?;
        Ok(volume)
    }

    fn data(&self) -> PathBuf {
        self.mount.join("data")
    }

    fn mount(&self) -> Result<(), String> {
        call(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mount))?;
        sim_index::start_machine_anew(&self.data().join("index")).map_err(|error| error.to_string())
    }

    fn unmount(&self) -> Result<(), String> {
        call(Command::new("umount").arg(&self.mount))
    }

    fn cut_power(&self) -> Result<(), String> {
        let root = File::open(&self.mount).map_err(|error| error.to_string())?;
        // SAFETY: the call reads one u32, and the file is on the file system made above.
        let done =
            unsafe { rustix::ioctl::ioctl(root, rustix::ioctl::Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH)) };
        done.map_err(|error| format!("the file system cannot be shut down: {error}"))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Not mounted is fine.
        self.unmount().ok();
    }
}

fn call(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
