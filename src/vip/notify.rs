//! Telling others about changes: notify programs and the fifo, in keepalived's words and order.

use std::fs::File;
use std::io::{self, Write};

use weir_config::vip::{Notify, Program, VipSettings};
use weir_linux::child::{Child, Ending};
use weir_linux::fifo;
use weir_linux::poll::{Interest, Poller};
use weir_vrrp::NotifyState;

use super::programs::{self, Fate};
use super::tokens::{Kind, token};

/// Notify programs at once; one more is not started, and the journal says so.
const MAX_RUNNING: usize = 64;
/// The number of the fifo's reader, behind theirs.
const READER: usize = MAX_RUNNING;

/// Runs notify programs and writes to the fifo.
pub(super) struct Notifier {
    fifo: Option<File>,
    /// The program that reads the fifo; it ends with us.
    reader: Option<Child>,
    running: Vec<Option<Child>>,
}

impl Notifier {
    /// Another one for a configuration whose fifo is not that of `old`; `None` when this one serves both.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn open(
        settings: &VipSettings,
        old: &VipSettings,
        poller: &Poller,
    ) -> io::Result<Option<Self>> {
        let fifo =
            |settings: &VipSettings| (settings.notify_fifo.clone(), settings.notify_fifo_script.clone());
        (fifo(settings) != fifo(old))
            .then(|| Self::new(settings, poller))
            .transpose()
    }

    /// Opens the fifo of a configuration, if it has one, and starts its reader.
    ///
    /// # Errors
    /// When the fifo cannot be made, or there is no room for its reader.
    pub(super) fn new(settings: &VipSettings, poller: &Poller) -> io::Result<Self> {
        let fifo = settings.notify_fifo.as_deref().map(fifo::open).transpose()?;
        let reader = match (&settings.notify_fifo_script, &settings.notify_fifo) {
            (Some(program), Some(path)) => {
                let arguments = [path.display().to_string()];
                let reader = programs::start(program, &arguments, Fate::EndsWithUs)?;
                poller.add(&reader, token(Kind::Notify, READER), Interest::Read)?;
                Some(reader)
            }
            _ => None,
        };
        Ok(Self {
            fifo,
            reader,
            running: (0..MAX_RUNNING).map(|_| None).collect(),
        })
    }

    /// Tells about a router.
    pub(super) fn router(
        &mut self,
        settings: &VipSettings,
        router: usize,
        state: NotifyState,
        priority: u8,
        poller: &Poller,
    ) {
        let names = settings.node.routers.iter().map(|(router, _)| &router.name);
        if let Some((name, attachment)) = names.zip(&settings.routers).nth(router) {
            self.tell(&attachment.notify, ("INSTANCE", name), state, priority, poller);
        }
    }

    /// Tells about a group.
    pub(super) fn group(
        &mut self,
        settings: &VipSettings,
        group: usize,
        state: NotifyState,
        priority: u8,
        poller: &Poller,
    ) {
        let names = settings.node.groups.iter().map(|group| &group.name);
        if let Some((name, notify)) = names.zip(&settings.groups).nth(group) {
            self.tell(notify, ("GROUP", name), state, priority, poller);
        }
    }

    /// A notify program, or the fifo's reader, has ended.
    pub(super) fn on_exit(&mut self, index: usize) {
        let place = match index {
            READER => Some(&mut self.reader),
            index => self.running.get_mut(index),
        };
        let ended =
            place.and_then(|place| place.take_if(|child| matches!(child.try_wait(), Ok(Some(_)) | Err(_))));
        if let Some(error) = ended.and_then(|mut child| child.refusal()) {
            tracing::warn!("notify: {error}");
        }
    }

    /// Ends the fifo's reader.
    pub(super) fn close(self) {
        if let Some(reader) = self.reader {
            // It has ended by itself.
            let _ = reader.end(Ending::Ask);
        }
    }

    fn tell(
        &mut self,
        notify: &Notify,
        (kind, name): (&str, &str),
        state: NotifyState,
        priority: u8,
        poller: &Poller,
    ) {
        let word = word(state);
        if let Some(fifo) = &mut self.fifo {
            // Nobody reads it, and it is full: what has changed is in the journal too.
            let _ = writeln!(fifo, "{kind} \"{name}\" {word} {priority}");
        }
        let own = match state {
            NotifyState::Master => &notify.master,
            NotifyState::Backup => &notify.backup,
            NotifyState::Fault => &notify.fault,
            NotifyState::Stop => &notify.stop,
            NotifyState::MasterRxLowerPri => &notify.master_rx_lower_pri,
        };
        if let Some(program) = own {
            self.run(program, &[], poller);
        }
        if let Some(program) = &notify.any {
            let arguments = [kind, name, word, &priority.to_string()].map(str::to_owned);
            self.run(program, &arguments, poller);
        }
    }

    fn run(&mut self, program: &Program, arguments: &[String], poller: &Poller) {
        let Some((index, place)) = self
            .running
            .iter_mut()
            .enumerate()
            .find(|(_, place)| place.is_none())
        else {
            tracing::warn!(
                "{MAX_RUNNING} notify programs still run: {:?} is not started",
                program.words
            );
            return;
        };
        let started = programs::start(program, arguments, Fate::Finishes).and_then(|child| {
            poller.add(&child, token(Kind::Notify, index), Interest::Read)?;
            Ok(child)
        });
        match started {
            Ok(child) => *place = Some(child),
            Err(error) => tracing::warn!("notify: {error}"),
        }
    }
}

const fn word(state: NotifyState) -> &'static str {
    match state {
        NotifyState::Master => "MASTER",
        NotifyState::Backup => "BACKUP",
        NotifyState::Fault => "FAULT",
        NotifyState::Stop => "STOP",
        NotifyState::MasterRxLowerPri => "MASTER_RX_LOWER_PRI",
    }
}
