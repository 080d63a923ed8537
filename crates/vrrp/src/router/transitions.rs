//! What a router does on its way from state to state, and between.

use std::net::IpAddr;
use std::time::Duration;

use weir_wire::Timestamp;

use super::Router;
use crate::effect::{Effect, Happening, NotifyState};
use crate::election::{master_down, silence, skew};
use crate::packet::Advert;
use crate::reject::Reject;
use crate::settings::{Interval, Preemption, StartState, Version};
use crate::status::{MasterSeen, Reason, RouterState};
use crate::timers::Timer;

/// So long the address stays after a successor was heard or seen to announce it: replies that are under way can still
/// leave, and clients have long learnt the successor's place.
const LINGER: Duration = Duration::from_millis(250);
/// So long the address stays when a higher master is heard but never seen to announce it. It may be deaf: then it does
/// not know that clients are with us, and nobody answers them when we go.
const YIELD: Duration = Duration::from_secs(10);
/// So long a claim waits for the advert of a better master, which announces the address before it sends one.
const CLAIM_PATIENCE: Duration = Duration::from_millis(10);
/// Priority zero is said so often after the first time, and so far apart. A lost one would cost three intervals.
const FAREWELLS: u8 = 2;
const FAREWELL_GAP: Duration = Duration::from_millis(20);
/// What a successor needs beside its skew: to be scheduled, to configure the address, to announce it.
const OFFER_SLACK: Duration = Duration::from_millis(250);

impl Router {
    /// Everything that it needs holds: stands by, or takes what it owns.
    pub(super) fn join(&mut self, now: Timestamp) {
        let own = self.settings.interval;
        let is_noticed = now.since(self.since) >= silence(&self.settings, own);
        if std::mem::take(&mut self.was_master) && !is_noticed {
            return self.go_on(now);
        }
        // `state MASTER` says only how long the very first wait is.
        let first = self.state == RouterState::Initialize && self.settings.start == StartState::Master;
        if first && self.priority == u8::MAX {
            return self.become_master(now, Reason::Owner);
        }
        let wait = if first {
            own.duration() + skew(self.settings.version, own, u8::MAX)
        } else {
            master_down(&self.settings, own, self.priority)
        };
        self.enter(now, RouterState::Backup, Reason::Ready);
        self.be_patient(now);
        self.timers.set(Timer::MasterDown, now + wait);
        self.notify(NotifyState::Backup);
    }

    /// Is master as another program was until now. The addresses are where they were, and who knows that need not hear
    /// it again.
    fn go_on(&mut self, now: Timestamp) {
        self.enter(now, RouterState::Master, Reason::Inherited);
        self.effects.push(Effect::Hold { router: self.index });
        self.announcer.change(now);
        self.advertise(now);
    }

    /// Something that it needs fails while it holds nothing.
    pub(super) fn fail(&mut self, now: Timestamp, cause: Reason) {
        self.was_master = false;
        self.master = None;
        self.enter(now, RouterState::Fault, cause);
        self.notify(NotifyState::Fault);
    }

    /// Something that it needs fails while it holds the address. The farewell goes first: a backup's skew starts when
    /// it arrives, and nothing answers here any more whether the address stays a moment longer or not. It goes twice,
    /// since a lost one costs three intervals and a second one nothing.
    pub(super) fn drop_address(&mut self, now: Timestamp, cause: Reason) {
        self.send(now, 0);
        self.send(now, 0);
        self.drop_lingering(now, cause);
    }

    /// The same when another is master already: a farewell would send the other backups against it.
    pub(super) fn drop_lingering(&mut self, now: Timestamp, cause: Reason) {
        if self.stopping {
            return self.finish(now);
        }
        self.release();
        self.fail(now, cause);
    }

    /// A master leaves: after the skew alone, the best backup takes over. A farewell that is repeated does not start
    /// that wait anew.
    pub(super) fn hurry(&mut self, now: Timestamp, seen: MasterSeen) {
        let soon = now + skew(self.settings.version, self.waited_interval(), self.priority);
        if let Some(due) = self.timers.at(Timer::MasterDown) {
            self.timers.set(Timer::MasterDown, due.min(soon));
        }
        self.master = Some(seen);
    }

    /// A master of lower priority is heard: it may stay for now, or the wait for its end goes on regardless.
    pub(super) fn bear(&mut self, now: Timestamp, seen: MasterSeen) {
        self.master = Some(seen);
        let patient = match self.settings.preemption {
            Preemption::Immediate => false,
            Preemption::Delayed(_) => now < self.patient_until,
            Preemption::Never => true,
        };
        if patient || self.held_back {
            self.wait_for_master(now);
        }
    }

    /// A master at least as good is heard.
    pub(super) fn follow(&mut self, now: Timestamp, seen: MasterSeen) {
        self.master = Some(seen);
        self.be_patient(now);
        self.wait_for_master(now);
    }

    /// The master-down timer has run out.
    pub(super) fn take_over(&mut self, now: Timestamp) {
        let reason = match self.master {
            None => Reason::NoMaster,
            Some(master) if master.priority == 0 => Reason::MasterLeft(master.address),
            Some(master) if now.since(master.heard) < silence(&self.settings, master.interval) => {
                Reason::LowerMaster(master.address, master.priority)
            }
            Some(master) => Reason::MasterSilent(master.address),
        };
        if let (Some(master), Reason::MasterLeft(_) | Reason::MasterSilent(_)) = (self.master, reason) {
            self.last_failover = Some(now.since(master.heard));
        }
        self.become_master(now, reason);
    }

    pub(super) fn become_master(&mut self, now: Timestamp, reason: Reason) {
        if !self.state.holds() {
            self.counters.become_master += 1;
        }
        self.reassert(now, reason);
        self.notify(NotifyState::Master);
    }

    /// Holds the address and says so: to the clients first, then to an old master, which answers until it hears us.
    pub(super) fn reassert(&mut self, now: Timestamp, reason: Reason) {
        self.enter(now, RouterState::Master, reason);
        (self.master, self.held_back) = (None, false);
        self.effects.push(Effect::Hold { router: self.index });
        let times = self.announcer.start(now);
        self.announce(times);
        self.advertise(now);
    }

    /// Says that it is master.
    pub(super) fn advertise(&mut self, now: Timestamp) {
        self.send(now, self.priority);
        self.timers
            .set(Timer::Advert, now + self.settings.interval.duration());
    }

    /// Somebody else goes who thought to be master. Backups that heard it must learn that there is one.
    pub(super) fn answer_leaving(&mut self, now: Timestamp) {
        if self.answers.take(now).is_ok() {
            self.advertise(now);
        }
    }

    /// A second master, which has to yield: it and the clients are told, at a pace that it does not set.
    pub(super) fn answer_lower(&mut self, now: Timestamp, seen: MasterSeen) {
        self.log(
            now,
            Happening::LowerMaster {
                source: seen.address,
                priority: seen.priority,
            },
        );
        if self.answers.take(now).is_err() {
            return;
        }
        if self.settings.answer_lower {
            self.advertise(now);
        }
        let times = self.announcer.on_lower(now);
        self.announce(times);
        self.effects.push(Effect::Notify {
            router: self.index,
            state: NotifyState::MasterRxLowerPri,
            priority: self.priority,
        });
    }

    /// A higher master is heard. Our own adverts go on until it is seen to announce the address: they tell it that there
    /// were two, and that there are clients which followed us.
    pub(super) fn yield_to(&mut self, now: Timestamp, seen: MasterSeen) {
        let claimed = self.claimed.is_some();
        self.master = Some(seen);
        self.yield_for(now, Reason::HigherMaster(seen.address, seen.priority), YIELD);
        if self.settings.answer_higher {
            self.advertise(now);
        }
        if claimed {
            self.linger(now);
        }
    }

    /// Another member of its group has yielded. No adverts: the peer's member may be of lower priority.
    pub(super) fn yield_with(&mut self, now: Timestamp, member: usize) {
        self.yield_for(now, Reason::GroupYields(member), YIELD);
    }

    /// The successor of an offer is heard or seen.
    pub(super) fn yield_offered(&mut self, now: Timestamp, seen: Option<MasterSeen>) {
        self.master = seen;
        let reason = seen.map_or(Reason::SuccessorClaims, |seen| {
            Reason::SuccessorHeard(seen.address)
        });
        self.yield_for(now, reason, LINGER);
    }

    /// Stands by again, but answers for so much longer.
    fn yield_for(&mut self, now: Timestamp, reason: Reason, time: Duration) {
        self.announcer.stop();
        self.enter(now, RouterState::Yielding, reason);
        self.be_patient(now);
        self.timers.set(Timer::Linger, now + time);
        self.wait_for_master(now);
    }

    /// The new master was seen to announce the address.
    pub(super) fn linger(&mut self, now: Timestamp) {
        self.timers.stop(Timer::Advert);
        let due = self.timers.at(Timer::Linger).unwrap_or(now);
        self.timers.set(Timer::Linger, due.min(now + LINGER));
    }

    /// It has lingered long enough.
    pub(super) fn end_linger(&mut self, now: Timestamp) {
        if self.stopping {
            return self.finish(now);
        }
        self.release();
        let (due, reason) = (self.timers.at(Timer::MasterDown), self.reason);
        self.enter(now, RouterState::Backup, reason);
        if let Some(due) = due {
            self.timers.set(Timer::MasterDown, due);
        }
        self.notify(NotifyState::Backup);
    }

    /// Says that it goes, and stays until somebody comes.
    pub(super) fn offer(&mut self, now: Timestamp, reason: Reason) {
        self.announcer.stop();
        self.enter(now, RouterState::Offering, reason);
        self.held_back = true;
        self.farewells = FAREWELLS;
        self.timers.set(Timer::Offer, now + self.offer_time());
        self.timers.set(Timer::Farewell, now + FAREWELL_GAP);
        self.send(now, 0);
    }

    pub(super) fn repeat_farewell(&mut self, now: Timestamp) {
        self.send(now, 0);
        self.farewells = self.farewells.saturating_sub(1);
        if self.farewells > 0 {
            self.timers.set(Timer::Farewell, now + FAREWELL_GAP);
        }
    }

    /// Nobody has come.
    pub(super) fn end_offer(&mut self, now: Timestamp) {
        if self.stopping {
            return self.finish(now);
        }
        self.reassert(now, Reason::NobodyTookOver);
    }

    /// It is not to hand over after all.
    pub(super) fn recall(&mut self, now: Timestamp) {
        if !self.stopping {
            self.reassert(now, Reason::Recalled);
        }
    }

    /// Another member of its group has become master.
    pub(super) fn come_along(&mut self, now: Timestamp, member: usize) {
        if !self.stopping {
            self.become_master(now, Reason::GroupMaster(member));
        }
    }

    /// The program ends while the address is on its way to another.
    pub(super) fn finish_when_gone(&mut self, now: Timestamp) {
        self.stopping = true;
        self.timers.stop(Timer::MasterDown);
        if self.state == RouterState::Yielding {
            self.linger(now);
        }
    }

    /// Ends for good.
    pub(super) fn finish(&mut self, now: Timestamp) {
        if self.state.holds() {
            self.release();
        }
        self.enter(now, RouterState::Stopped, Reason::Stopping);
        self.notify(NotifyState::Stop);
    }

    /// The node stood still while this was master. Another may have taken over if the silence was longer than the least
    /// that a backup waits; it is not known before the socket has been read.
    pub(super) fn doubt(&mut self, now: Timestamp) {
        if now.since(self.sent) < silence(&self.settings, self.settings.interval) {
            self.announcer.hasten(now);
        } else {
            self.announcer.stop();
            self.enter(now, RouterState::Stalled, Reason::StoodStill);
        }
        self.timers.set(Timer::Advert, now);
    }

    /// The node stood still while this was backup, and with a whole machine that was paused the master's adverts are
    /// lost: there is one interval to hear the next one.
    pub(super) fn listen_first(&mut self, now: Timestamp, length: Duration) {
        let interval = self.waited_interval();
        if length < interval.duration() {
            return;
        }
        let least = now + interval.duration() + skew(self.settings.version, interval, self.priority);
        if let Some(due) = self.timers.at(Timer::MasterDown) {
            self.timers.set(Timer::MasterDown, due.max(least));
        }
    }

    /// Another has taken over while the node stood still, and clients are with it: goes without a word.
    pub(super) fn step_down(&mut self, now: Timestamp, seen: Option<MasterSeen>) {
        self.release();
        self.master = seen;
        self.enter(now, RouterState::Backup, Reason::Superseded);
        self.be_patient(now);
        self.wait_for_master(now);
        self.notify(NotifyState::Backup);
    }

    /// Somebody else claims the address. A better master does so just before its first advert.
    pub(super) fn note_claim(&mut self, now: Timestamp, address: IpAddr) {
        let times = match self.claimed {
            Some((_, times)) => times,
            None => {
                self.timers.set(Timer::Answer, now + CLAIM_PATIENCE);
                0
            }
        };
        self.claimed = Some((address, times + 1));
    }

    /// It was no better master.
    pub(super) fn answer_claims(&mut self, now: Timestamp) {
        let Some((address, times)) = self.claimed.take() else {
            return;
        };
        self.counters.conflicts += times;
        self.log(now, Happening::Conflict { address });
        let times = self.announcer.on_claim(now);
        self.announce(times);
    }

    /// Puts an address back.
    pub(super) fn restore(&mut self, now: Timestamp, address: IpAddr) {
        self.counters.addresses_restored += 1;
        self.log(now, Happening::AddressLost { address });
        self.effects.push(Effect::Hold { router: self.index });
    }

    /// The same as master: whoever asked meanwhile has had no answer.
    pub(super) fn restore_announced(&mut self, now: Timestamp, address: IpAddr) {
        self.restore(now, address);
        let times = self.announcer.on_claim(now);
        self.announce(times);
    }

    pub(super) fn announce(&mut self, times: u8) {
        if times == 0 {
            return;
        }
        self.counters.announcements += u64::from(times);
        self.effects.push(Effect::Announce {
            router: self.index,
            times,
        });
    }

    /// Counts and logs an advert that is not believed. What is for another router is ordinary.
    pub(super) fn reject(&mut self, now: Timestamp, source: IpAddr, reject: Reject) {
        self.counters.count_reject(reject.kind());
        if !matches!(reject, Reject::OtherRouter(_)) {
            self.log(now, Happening::Rejected { source, reject });
        }
    }

    /// Counts and logs what differs in an advert that is believed all the same: a change of the configuration reaches
    /// one node before the other, and two masters would be worse.
    pub(super) fn compare(&mut self, now: Timestamp, advert: &Advert<'_>) {
        let source = advert.source;
        if !advert.lists(&self.settings.addresses) {
            self.counters.address_list_mismatches += 1;
            self.log(now, Happening::ListDiffers { source });
        }
        if advert.interval != self.settings.interval {
            self.counters.interval_mismatches += 1;
            let (ours, theirs) = (self.settings.interval.duration(), advert.interval.duration());
            self.log(now, Happening::IntervalDiffers { source, ours, theirs });
        }
    }

    pub(super) fn log(&mut self, now: Timestamp, what: Happening) {
        self.effects.extend(self.journal.line(now, what).map(Effect::Log));
    }

    /// Changes the state; timers of the one before mean nothing in it.
    fn enter(&mut self, now: Timestamp, state: RouterState, reason: Reason) {
        let from = std::mem::replace(&mut self.state, state);
        (self.since, self.reason, self.claimed) = (now, reason, None);
        self.timers.stop_all();
        let to = state;
        self.log(now, Happening::Transition { from, to, reason });
    }

    fn release(&mut self) {
        self.announcer.stop();
        self.counters.release_master += 1;
        self.effects.push(Effect::Release { router: self.index });
    }

    /// Tells the scripts, once per change: they do not know the states in between.
    fn notify(&mut self, state: NotifyState) {
        if self.notified.replace(state) == Some(state) {
            return;
        }
        self.effects.push(Effect::Notify {
            router: self.index,
            state,
            priority: self.priority,
        });
    }

    fn send(&mut self, now: Timestamp, priority: u8) {
        for (destination, message) in self.messages(priority) {
            self.counters.adverts_sent += 1;
            self.counters.priority_zero_sent += u64::from(priority == 0);
            self.effects.push(Effect::Send {
                router: self.index,
                destination,
                message,
            });
        }
        self.sent = now;
    }

    fn wait_for_master(&mut self, now: Timestamp) {
        if !self.stopping {
            let wait = master_down(&self.settings, self.waited_interval(), self.priority);
            self.timers.set(Timer::MasterDown, now + wait);
        }
    }

    /// The priority was `from`: a wait that runs gets the skew of the new one.
    pub(super) fn shift_wait(&mut self, from: u8) {
        let (version, interval) = (self.settings.version, self.waited_interval());
        if let Some(due) = self.timers.at(Timer::MasterDown) {
            let [before, after] = [from, self.priority].map(|priority| skew(version, interval, priority));
            // The wait was longer than its skew, so nothing saturates here.
            let start = Duration::from_nanos(due.as_nanos()).saturating_sub(before);
            self.timers
                .set(Timer::MasterDown, Timestamp::ZERO + start + after);
        }
    }

    /// Version 3 waits by what the master says, version 2 by what is configured (RFC 9568 §6.1, RFC 3768 §6.1).
    fn waited_interval(&self) -> Interval {
        match (self.settings.version, self.master) {
            (Version::V3, Some(master)) => master.interval,
            (Version::V3, None) | (Version::V2, _) => self.settings.interval,
        }
    }

    fn be_patient(&mut self, now: Timestamp) {
        if let Preemption::Delayed(delay) = self.settings.preemption {
            self.patient_until = now + delay;
        }
    }

    /// The longest that a backup of the lowest priority takes, and an interval in which its first advert can be lost.
    fn offer_time(&self) -> Duration {
        let own = self.settings.interval;
        skew(self.settings.version, own, 1) + own.duration() + OFFER_SLACK
    }
}
