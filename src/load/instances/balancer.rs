//! HAProxy in front of the instances.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reference_server::config::Dispatch;
use reference_server::kept::Kept;

use super::beside;

/// The longest time that it takes to find out that the instances are there.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Where its program is, beside the folders of PATH: Debian has it where only root looks.
const ELSEWHERE: &str = "/usr/sbin";

/// A running balancer.
#[derive(Debug)]
pub(super) struct Balancer(Kept);

impl Balancer {
    /// The program, or what to do about it.
    pub(super) fn program() -> Result<PathBuf, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        find(std::env::split_paths(&path).chain([PathBuf::from(ELSEWHERE)]))
    }

    /// Starts to share out what comes in by this door, and waits until somebody answers there.
    pub(super) fn start(
        program: &Path,
        door: TcpListener,
        instances: &[SocketAddr],
        dispatch: Dispatch,
        data: &Path,
    ) -> Result<Balancer, String> {
        let failed = |error: io::Error| format!("cannot start HAProxy: {error}");
        let address = door.local_addr().map_err(failed)?;
        let config = beside(data, "haproxy.cfg").map_err(failed)?;
        std::fs::write(&config, configuration(instances, dispatch)).map_err(failed)?;
        let log = beside(data, "haproxy.log").map_err(failed)?;
        let errors = File::create(&log).map_err(failed)?;
        // It takes the open door over as its standard output, so that no port is given up and searched again. SIGTERM ends it.
        let kept = Kept::start(
            program,
            [OsStr::new("-db"), OsStr::new("-f"), config.as_os_str()],
            "TERM",
            |command| {
                command.stdout(OwnedFd::from(door)).stderr(errors);
            },
        );
        let mut balancer = Balancer(kept.map_err(failed)?);
        let until = Instant::now() + READY_WITHIN;
        while !answers(address) {
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

fn find(mut folders: impl Iterator<Item = PathBuf>) -> Result<PathBuf, String> {
    let found = folders.find_map(|folder| Some(folder.join("haproxy")).filter(|file| file.is_file()));
    found.ok_or_else(|| {
        "HAProxy is not installed (no haproxy in PATH): install the Debian package haproxy, or use a server configuration of one instance"
            .to_owned()
    })
}

/// Whether an instance says through the balancer that it is ready.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        io::Write::write_all(
            &mut stream,
            b"GET /readyz HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n",
        )?;
        let mut answer = String::new();
        io::Read::read_to_string(&mut stream, &mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Its configuration. An instance that does not answer is passed over after a quarter of a second; a request that could not be handed to
/// it goes to another one, and one that it had taken is not repeated. Waiting is for the instances: their queues are what is
/// configured.
fn configuration(instances: &[SocketAddr], dispatch: Dispatch) -> String {
    let balance = match dispatch {
        Dispatch::ShortestQueue => "leastconn",
        Dispatch::RoundRobin => "roundrobin",
    };
    let mut text = format!(
        "\
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

frontend door
    bind fd@1
    default_backend instances

backend instances
    balance {balance}
    option httpchk GET /readyz
    default-server check inter 250ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down
"
    );
    for (number, address) in (1..).zip(instances) {
        // Writing to a String does not fail.
        let _ = writeln!(text, "    server instance-{number} {address}");
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
        let instances =
            [SocketAddr::from(([127, 0, 0, 1], 1_025)), SocketAddr::from(([127, 0, 0, 1], 1_026))];
        let text = configuration(&instances, Dispatch::RoundRobin);
        assert!(text.contains("balance roundrobin"), "{text}");
        assert!(
            text.ends_with("server instance-1 127.0.0.1:1025\n    server instance-2 127.0.0.1:1026\n"),
            "{text}"
        );
    }
}
