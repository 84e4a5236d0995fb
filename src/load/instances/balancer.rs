//! HAProxy in front of the instances.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use reference_server::config::Dispatch;
use reference_server::kept::Kept;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};

use super::beside;
use crate::load::ready::is_ready;

/// The longest time that it takes to find out that the instances are there.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Where its program is, beside the folders of PATH: Debian has it where only root looks.
const ELSEWHERE: &str = "/usr/sbin";

/// The lowest number under which a door is handed over: a shell uses those below it for itself.
const DOORS: i32 = 64;

/// Where requests come in, and who serves them.
#[derive(Debug)]
pub(super) struct Door {
    /// `door`, or `lane-NAME`.
    pub(super) name: String,
    pub(super) listener: TcpListener,
    /// Where each instance listens for this door.
    pub(super) behind: Vec<SocketAddr>,
}

/// A running balancer.
#[derive(Debug)]
pub(super) struct Balancer(Kept);

impl Balancer {
    /// The program, or what to do about it.
    pub(super) fn program() -> Result<PathBuf, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        find(std::env::split_paths(&path).chain([PathBuf::from(ELSEWHERE)]))
    }

    /// Starts to share out what comes in by these doors, and waits until somebody answers at the first one. The instances say
    /// there whether they are ready.
    pub(super) fn start(
        program: &Path,
        doors: Vec<Door>,
        dispatch: Dispatch,
        data: &Path,
    ) -> Result<Balancer, String> {
        let failed = |error: io::Error| format!("cannot start HAProxy: {error}");
        let Some(first) = doors.first() else { return Err("there is no door".to_owned()) };
        let address = first.listener.local_addr().map_err(failed)?;
        // It takes the open doors over, so that no port is given up and searched again.
        let open: Vec<OwnedFd> =
            doors.iter().map(|door| inherited(&door.listener)).collect::<Result<_, _>>().map_err(failed)?;
        let numbers: Vec<i32> = open.iter().map(AsRawFd::as_raw_fd).collect();
        let config = beside(data, "haproxy.cfg").map_err(failed)?;
        std::fs::write(&config, configuration(&doors, &numbers, dispatch)).map_err(failed)?;
        let log = beside(data, "haproxy.log").map_err(failed)?;
        let errors = File::create(&log).map_err(failed)?;
        // SIGTERM ends it.
        let kept = Kept::start(
            program,
            [OsStr::new("-db"), OsStr::new("-f"), config.as_os_str()],
            "TERM",
            |command| {
                command.stdout(Stdio::null()).stderr(errors);
            },
        );
        // Whoever comes when it has closed them is to be told so.
        drop((open, doors));
        let mut balancer = Balancer(kept.map_err(failed)?);
        let until = Instant::now() + READY_WITHIN;
        while !is_ready(address) {
            if balancer.0.exited().is_some() || Instant::now() > until {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("HAProxy did not start; it said:\n{}", said.trim_end()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(balancer)
    }

    /// Lets nobody in any more; who is in may finish.
    pub(super) fn close(&mut self) {
        self.0.signal("USR1");
    }
}

/// A copy of the door that processes started from now on have too.
fn inherited(door: &TcpListener) -> io::Result<OwnedFd> {
    let copy = fcntl_dupfd_cloexec(door, DOORS)?;
    fcntl_setfd(&copy, FdFlags::empty())?;
    Ok(copy)
}

fn find(mut folders: impl Iterator<Item = PathBuf>) -> Result<PathBuf, String> {
    let found = folders.find_map(|folder| Some(folder.join("haproxy")).filter(|file| file.is_file()));
    found.ok_or_else(|| {
        "HAProxy is not installed (no haproxy in PATH): install the Debian package haproxy, or use a server configuration of one instance"
            .to_owned()
    })
}

/// Its configuration. An instance that does not answer is passed over after a quarter of a second; a request that could not be handed to
/// it goes to another one, and one that it had taken is not repeated. Waiting is for the instances: their queues are what is
/// configured.
fn configuration(doors: &[Door], numbers: &[i32], dispatch: Dispatch) -> String {
    let balance = match dispatch {
        Dispatch::ShortestQueue => "leastconn",
        Dispatch::RoundRobin => "roundrobin",
    };
    let mut text = "\
global
    nbthread 1
    hard-stop-after 10s

defaults
    mode http
    timeout connect 2s
    timeout client 150s
    timeout server 300s
    option redispatch 1
    retries 2
    http-reuse always
"
    .to_owned();
    let ready = doors.first().map_or(&[][..], |door| &door.behind);
    for (Door { name, behind, .. }, number) in doors.iter().zip(numbers) {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "
frontend {name}
    bind fd@{number}
    default_backend {name}

backend {name}
    balance {balance}
    option httpchk GET /readyz
    default-server check inter 250ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down
"
        );
        for ((number, address), ready) in (1..).zip(behind).zip(ready) {
            let _ = write!(text, "    server instance-{number} {address}");
            if ready != address {
                let _ = write!(text, " addr {} port {}", ready.ip(), ready.port());
            }
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named_with_what_to_install() {
        let folder = tempfile::tempdir().unwrap();
        let missing = find([folder.path().to_owned()].into_iter()).unwrap_err();
        assert!(missing.contains("Debian package haproxy"), "{missing}");
        let program = folder.path().join("haproxy");
        std::fs::write(&program, "").unwrap();
        assert_eq!(find([folder.path().to_owned()].into_iter()), Ok(program));
    }

    #[test]
    fn every_instance_and_the_dispatch_are_in_its_configuration() {
        let door = |name: &str, ports: [u16; 2]| Door {
            name: name.to_owned(),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            behind: ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).to_vec(),
        };
        let doors = [door("door", [1_025, 1_026]), door("lane-lab", [1_027, 1_028])];
        let text = configuration(&doors, &[64, 65], Dispatch::RoundRobin);
        assert!(text.contains("balance roundrobin"), "{text}");
        for part in [
            "frontend door\n    bind fd@64\n",
            "    server instance-1 127.0.0.1:1025\n    server instance-2 127.0.0.1:1026\n",
            "frontend lane-lab\n    bind fd@65\n    default_backend lane-lab\n",
            "    server instance-2 127.0.0.1:1028 addr 127.0.0.1 port 1026\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
