//! What is tracked, and what it does to each router.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use weir_vrrp::{Condition, Priority, TrackerSettings, Tracking, Weight};

use super::Check;
use crate::dialects::keepalived::spec::{
    Block, FileSpec, InstanceSpec, ProcessSpec, ScriptSpec, TrackKind, TrackSpec, WeightSpec,
};
use crate::nearest::nearest;
use crate::vip::{ProcessMatch, Program, Script, Tracker};

/// The greatest weight of everything but processes and files.
const MAX_WEIGHT: i16 = 253;

/// Everything that is tracked, in the order of its first mention.
#[derive(Debug, Default)]
pub(super) struct Trackers {
    index: BTreeMap<(TrackKind, String), usize>,
    settings: Vec<TrackerSettings>,
    trackers: Vec<Tracker>,
}

impl Trackers {
    pub(super) fn finish(self) -> (Vec<TrackerSettings>, Vec<Tracker>) {
        (self.settings, self.trackers)
    }

    fn add(&mut self, kind: TrackKind, name: &str, initially: Condition, tracker: Tracker) -> usize {
        let index = self.trackers.len();
        self.index.insert((kind, name.to_owned()), index);
        self.settings.push(TrackerSettings {
            name: name.to_owned(),
            initially,
        });
        self.trackers.push(tracker);
        index
    }
}

impl Check<'_> {
    /// What an instance tracks, itself and through its group.
    pub(super) fn tracking(
        &mut self,
        instance: &Block<InstanceSpec>,
        trackers: &mut Trackers,
    ) -> Vec<Tracking> {
        let spec = self.spec;
        let group = { spec.groups.iter() }.find(|group| {
            group
                .spec
                .members
                .iter()
                .any(|member| member.value == instance.name)
        });
        let own = instance
            .spec
            .tracks
            .iter()
            .map(|track| (track, group.is_some_and(|group| !group.spec.tracking_weight)));
        let shared = group
            .into_iter()
            .flat_map(|group| &group.spec.tracks)
            .map(|track| (track, false));
        let mut seen = BTreeSet::new();
        let mut tracking = Vec::new();
        for (track, must_be_fault) in own.chain(shared) {
            if !seen.insert((track.kind, &track.name)) {
                let what = format!("{} tracks {} already; this is ignored", instance.name, track.name);
                self.findings.warn(&track.place, what);
                continue;
            }
            let Some((tracker, default)) = self.tracker(track, trackers) else {
                continue;
            };
            let points = track.weight.points.or(default.points).unwrap_or(0);
            tracking.push(Tracking {
                tracker,
                weight: self.weight(track, points, instance, must_be_fault),
                reverse: track.weight.reverse.or(default.reverse).unwrap_or(false),
            });
        }
        let has_weight = tracking.iter().any(|tracking| tracking.weight != Weight::Fault);
        if let Some(place) = instance.spec.no_preempt.as_ref().filter(|_| has_weight) {
            let what = format!(
                "{}: with nopreempt, a weight never moves the address away from a node that answers adverts; use \
                 weight 0, or leave nopreempt out",
                instance.name
            );
            self.findings.warn(place, what);
        }
        tracking
    }

    /// What a weight does: as keepalived, none where it could not do anything.
    fn weight(
        &mut self,
        track: &TrackSpec,
        points: i16,
        instance: &Block<InstanceSpec>,
        must_be_fault: bool,
    ) -> Weight {
        let is_owner = instance.spec.priority == Some(Priority::OWNER.0.get());
        if points != 0 && (must_be_fault || is_owner) {
            let why = if is_owner {
                "priority 255 never changes"
            } else {
                "the members of a sync group have the same weights; track it in the group, or say \
                 sync_group_tracking_weight"
            };
            let what = format!(
                "{} of {}: a failure is a fault, as with weight 0: {why}",
                track.name, instance.name
            );
            self.findings.warn(&track.place, what);
            return Weight::Fault;
        }
        let most = match track.kind {
            TrackKind::Script | TrackKind::Interface => MAX_WEIGHT,
            TrackKind::Process | TrackKind::File => MAX_WEIGHT + 1,
        };
        if points.abs() > most {
            let why = format!("{}: weight {points} is not from -{most} to {most}", track.name);
            self.findings.error(&track.place, why);
        }
        match points {
            0 => Weight::Fault,
            points => Weight::Points(points),
        }
    }

    /// The tracker that an item means, made when it is first meant, and its default weight.
    fn tracker(&mut self, track: &TrackSpec, trackers: &mut Trackers) -> Option<(usize, WeightSpec)> {
        let spec = self.spec;
        let mut default = WeightSpec::default();
        let mut initially = Condition::Unknown;
        let known = trackers.index.get(&(track.kind, track.name.clone())).copied();
        let tracker = match track.kind {
            TrackKind::Interface => Some(Tracker::Interface(track.name.clone())),
            TrackKind::Script => {
                let block = self.find(&spec.scripts, track, "vrrp_script")?;
                default = block.spec.weight;
                if block.spec.starts_failed {
                    initially = Condition::Fails;
                }
                known
                    .is_none()
                    .then(|| self.script(block))
                    .flatten()
                    .map(Tracker::Script)
            }
            TrackKind::Process => {
                let block = self.find(&spec.processes, track, "vrrp_track_process")?;
                default = block.spec.weight;
                known
                    .is_none()
                    .then(|| self.process(block))
                    .flatten()
                    .map(Tracker::Process)
            }
            TrackKind::File => {
                let block = self.find(&spec.files, track, "track_file")?;
                default = block.spec.weight;
                default.points.get_or_insert(1);
                known.is_none().then(|| self.file(block)).flatten()
            }
        };
        let index = match known {
            Some(index) => index,
            None => trackers.add(track.kind, &track.name, initially, tracker?),
        };
        Some((index, default))
    }

    fn find<'b, T>(&mut self, blocks: &'b [Block<T>], track: &TrackSpec, what: &str) -> Option<&'b Block<T>> {
        let found = blocks.iter().find(|block| block.name == track.name);
        if found.is_none() {
            let hint = match nearest(&track.name, blocks.iter().map(|block| block.name.as_str())) {
                Some(near) => format!("; did you mean '{near}'?"),
                None => String::new(),
            };
            let why = format!(
                "there is no {what} {}, so nothing would be checked{hint}",
                track.name
            );
            self.findings.error(&track.place, why);
        }
        found
    }

    fn script(&mut self, block: &Block<ScriptSpec>) -> Option<Script> {
        let spec = &block.spec;
        let Some(command) = &spec.command else {
            let why = format!(
                "vrrp_script {} has no script, so nothing would be checked",
                block.name
            );
            self.findings.error(&block.place, why);
            return None;
        };
        let program = command.value.first().map_or("", String::as_str);
        if !self.files.is_program(program) {
            let why = format!("there is no program '{program}', so nothing would be checked");
            self.findings.error(&command.place, why);
        }
        let interval = spec.interval.unwrap_or(Duration::from_secs(1));
        Some(Script {
            program: Program {
                words: command.value.clone(),
                user: spec.user.clone().or_else(|| self.spec.global.script_user.clone()),
            },
            interval,
            timeout: spec.timeout.unwrap_or(interval),
            rise: spec.rise.unwrap_or(1),
            fall: spec.fall.unwrap_or(1),
        })
    }

    fn process(&mut self, block: &Block<ProcessSpec>) -> Option<ProcessMatch> {
        let spec = &block.spec;
        if spec.words.is_empty() {
            let why = format!(
                "vrrp_track_process {} has no process, so nothing would be checked",
                block.name
            );
            self.findings.error(&block.place, why);
            return None;
        }
        if spec.fork_delay != spec.terminate_delay {
            let what = format!(
                "vrrp_track_process {}: there is one delay for starts and ends; the longer one is taken",
                block.name
            );
            self.findings.warn(&block.place, what);
        }
        // None at all may run: then it is no failure that none does.
        let least = u32::from(spec.quorum_max != Some(0));
        let quorum = spec.quorum.unwrap_or(least);
        if spec.quorum_max.is_some_and(|most| most < quorum) {
            let why = format!(
                "vrrp_track_process {}: quorum_max is less than quorum, so it always fails",
                block.name
            );
            self.findings.error(&block.place, why);
        }
        Some(ProcessMatch {
            // Arguments are compared when there are any.
            full_command: spec.full_command || spec.words.len() > 1,
            words: spec.words.clone(),
            quorum,
            quorum_max: spec.quorum_max,
            delay: spec.fork_delay.max(spec.terminate_delay),
        })
    }

    fn file(&mut self, block: &Block<FileSpec>) -> Option<Tracker> {
        if block.spec.path.is_none() {
            let why = format!(
                "track_file {} has no file, so nothing would be checked",
                block.name
            );
            self.findings.error(&block.place, why);
        }
        block.spec.path.clone().map(Tracker::File)
    }

    /// What nobody tracks is not run: somebody forgot something.
    pub(super) fn unused(&mut self) {
        let spec = self.spec;
        let of_groups = spec.groups.iter().flat_map(|group| &group.spec.tracks);
        let of_instances = spec.instances.iter().flat_map(|instance| &instance.spec.tracks);
        let tracked: BTreeSet<(TrackKind, &str)> = of_groups
            .chain(of_instances)
            .map(|track| (track.kind, track.name.as_str()))
            .collect();
        self.unused_of(&spec.scripts, TrackKind::Script, &tracked);
        self.unused_of(&spec.processes, TrackKind::Process, &tracked);
        self.unused_of(&spec.files, TrackKind::File, &tracked);
    }

    fn unused_of<T>(&mut self, blocks: &[Block<T>], kind: TrackKind, tracked: &BTreeSet<(TrackKind, &str)>) {
        for block in blocks {
            if !tracked.contains(&(kind, block.name.as_str())) {
                let what = format!("no vrrp_instance tracks {}, so it is not asked", block.name);
                self.findings.warn(&block.place, what);
            }
        }
    }
}
