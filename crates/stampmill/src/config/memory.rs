//! How much memory the pipelines may take together; where that is not said, a part of what there is.

use std::path::{Path, PathBuf};

use stampmill_core::memory_plan;
use stampmill_engine::settings::Memory;

use super::section::Section;

/// Threads, clients, code and what the allocator keeps: what the program takes without any record.
pub(crate) const BASE: usize = 48 << 20;
/// Of what the container has, where nothing is said.
const PERCENT: usize = 60;
/// Where it cannot be found out what there is.
const UNKNOWN: usize = 1 << 30;

/// Who shares it: so many pipelines, the same each, and tables, which are held by all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holders {
    pub pipelines: usize,
    /// Of the rows of all tables, at the most.
    pub tables: usize,
}

/// What each pipeline has. `available` is what the container has, if that is known.
pub(super) fn memory(root: &Section<'_>, holders: Holders, available: Option<usize>) -> Option<Memory> {
    let default = default_budget(available);
    let (keys, value) = match root.is_there("memory") {
        true => root.long_form("memory")?,
        false => return check(root, holders, default, None),
    };
    let section = Section::open(root.reading, keys, Some(&value), "memory");
    let budget = if section.is_there("budget") { section.size("budget") } else { Some(default) };
    let max_partitions = match section.is_there("max_partitions") {
        true => Some(section.count("max_partitions")?),
        false => None,
    };
    check(root, holders, budget?, max_partitions)
}

/// Of the whole program, where nothing is said.
pub(super) fn default_budget(available: Option<usize>) -> usize {
    available.unwrap_or(UNKNOWN) / 100 * PERCENT
}

fn check(root: &Section<'_>, holders: Holders, budget: usize, max_partitions: Option<usize>) -> Option<Memory> {
    let pipelines = holders.pipelines.max(1);
    let fixed = holders.tables.saturating_add(BASE);
    let needed = fixed.saturating_add(pipelines * memory_plan::least(max_partitions.unwrap_or(1)));
    if budget < needed {
        let mib = |bytes: usize| bytes.div_ceil(1 << 20);
        let tables = match holders.tables {
            0 => String::new(),
            bytes => format!(" and {} MiB of tables, their `max_bytes` together", mib(bytes)),
        };
        let expected = format!("at least {} MiB for {pipelines} pipelines{tables}", mib(needed));
        let found = format!("{} MiB", budget >> 20);
        root.reading.mismatch(root.at("memory"), expected, found);
        return None;
    }
    Some(Memory { bytes: (budget - fixed) / pipelines, max_partitions })
}

/// What this process may take: the least of the limits of its control groups, or else what the machine has.
pub(crate) fn available() -> Option<usize> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&own).into_iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    limits.filter_map(|text| text.trim().parse().ok()).chain(machine).min()
}

/// Of the group that `/proc/self/cgroup` names, and of all above it. Version 1 has one such file for memory; a container
/// sees its own group as the root.
fn limit_files(own: &str) -> Vec<PathBuf> {
    let group = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let root = Path::new("/sys/fs/cgroup");
    let of_version_2 = Path::new(group).ancestors().filter_map(|group| {
        let below = group.strip_prefix("/").ok()?;
        Some(root.join(below).join("memory.max"))
    });
    of_version_2.chain([root.join("memory/memory.limit_in_bytes")]).collect()
}

/// `MemTotal` of `/proc/meminfo`, which is in KiB.
fn total(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: usize = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_above_may_limit() {
        let files = limit_files("12:cpu:/x\n0::/kubepods/pod1/c\n");
        let below: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        assert_eq!(
            below,
            [
                "/sys/fs/cgroup/kubepods/pod1/c/memory.max",
                "/sys/fs/cgroup/kubepods/pod1/memory.max",
                "/sys/fs/cgroup/kubepods/memory.max",
                "/sys/fs/cgroup/memory.max",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ]
        );
    }

    #[test]
    fn a_machine_says_what_it_has() {
        assert_eq!(total("MemTotal:       24683624 kB\nMemFree: 1 kB\n"), Some(24_683_624 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(available().is_some_and(|bytes| bytes > BASE), "there is a machine beneath the tests");
    }
}
