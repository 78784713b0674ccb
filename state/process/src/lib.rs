//! Which process this is, and whether another one is still alive: what stores ask of the holders of leases. No store is known here.

use std::fs;

use pilotis_state::Holder;

/// This process, as a holder of leases. `who` is the person or the CI job.
pub fn this_process(who: impl Into<String>) -> Holder {
    let pid = std::process::id();
    Holder { host: host(), pid, start: start_of(pid).unwrap_or_default(), who: who.into() }
}

/// True if the process is known to be dead. Only a process of this machine, boot and process namespace can be known to be: of all others
/// nobody here can tell, and their leases end when they expire.
pub fn is_dead(holder: &Holder) -> bool {
    if holder.host != host() || holder.start.is_empty() {
        return false;
    }
    let Some(here) = place() else { return false };
    let same_place = holder.start.rsplit_once('/').is_some_and(|(place, _)| place == here);
    same_place && start_of(holder.pid).is_none_or(|start| start != holder.start)
}

fn host() -> String {
    let name =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    name.map(|n| n.trim().to_owned()).ok().filter(|n| !n.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// Boot and process namespace: where process ids mean what they mean here.
fn place() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", boot.trim(), namespace.display()))
}

/// Place and start time of a process; none if it is not there, or no longer runs (a zombie).
///
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>: the second field is a name in parentheses and may hold anything, the third is
/// the state, the 22nd the start time in ticks since boot.
fn start_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = after_name.next()?;
    let ticks = after_name.nth(18)?;
    if matches!(state, "Z" | "X") { None } else { Some(format!("{}/{ticks}", place()?)) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive() {
        let me = this_process("marie");
        assert!(!is_dead(&me));
        assert_eq!(me, this_process("marie"), "the same at any time");
    }

    #[test]
    fn a_process_that_ended_is_dead_also_before_it_is_waited_for() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let holder =
            Holder { pid: child.id(), start: start_of(child.id()).unwrap(), ..this_process("child") };
        assert!(!is_dead(&holder));
        child.kill().unwrap();
        while start_of(child.id()).is_some() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(is_dead(&holder), "a zombie");
        child.wait().unwrap();
        assert!(is_dead(&holder));
    }

    #[test]
    fn another_process_with_the_same_id_is_not_the_holder() {
        let me = this_process("marie");
        let (place, ticks) = me.start.rsplit_once('/').unwrap();
        let earlier = format!("{place}/{}", ticks.parse::<u64>().unwrap() - 1);
        assert!(is_dead(&Holder { start: earlier, ..me.clone() }));
    }

    #[test]
    fn of_other_machines_boots_and_containers_nobody_can_tell() {
        let me = this_process("marie");
        let gone = Holder { pid: u32::MAX, ..me.clone() };
        assert!(is_dead(&gone));
        assert!(!is_dead(&Holder { host: "elsewhere".into(), ..gone.clone() }));
        assert!(!is_dead(&Holder { start: "other-boot/pid:[1]/5".into(), ..gone.clone() }));
        assert!(!is_dead(&Holder { start: String::new(), ..gone }));
    }
}
