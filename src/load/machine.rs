//! The machine of a run, for its header.

use std::fs;

use super::cpus;
use crate::record::Machine;

/// What this machine is, as far as it tells.
pub fn machine(generator: Option<usize>, server: &[usize]) -> Machine {
    let uname = rustix::system::uname();
    let number = |core: &usize| u32::try_from(*core).unwrap_or(u32::MAX);
    Machine {
        cores: u32::try_from(cpus::available().len()).unwrap_or(u32::MAX),
        cpu: first_field("/proc/cpuinfo", "model name").unwrap_or_default(),
        kernel: format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy()),
        governor: fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
            .map(|text| text.trim().to_owned())
            .unwrap_or_default(),
        memory_bytes: first_field("/proc/meminfo", "MemTotal").map_or(0, |text| kilobytes(&text)),
        generator_cpus: generator.iter().map(number).collect(),
        server_cpus: server.iter().map(number).collect(),
    }
}

fn first_field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start().trim_start_matches(':').trim().to_owned())
}

fn kilobytes(text: &str) -> u64 {
    text.trim_end_matches("kB").trim().parse::<u64>().map_or(0, |kilobytes| kilobytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_what_it_is() {
        let machine = machine(Some(1), &[0]);
        assert!(machine.cores >= 1 && machine.memory_bytes > 1 << 20, "{machine:?}");
        assert!(machine.kernel.starts_with("Linux "), "{}", machine.kernel);
        assert_eq!((machine.generator_cpus, machine.server_cpus), (vec![1], vec![0]));
    }
}
