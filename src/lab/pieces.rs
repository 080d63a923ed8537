//! What stands where in a laboratory, as options of a command line.

use std::env;
use std::io;

use clap::Args;
use weir_lab::lab::{Auth, Front, Networks, Plan, Rec, Vip};

/// Which programs, in how many networks.
#[derive(Args, Debug)]
pub(crate) struct Pieces {
    /// The front end on LAB-DD1 and LAB-DD2
    #[arg(long, value_name = "PROGRAM", default_value = "weir")]
    front: Front,

    /// What holds the floating address
    #[arg(long, value_name = "PROGRAM", default_value = "weir")]
    vip: Vip,

    /// The authoritative server
    #[arg(long, value_name = "PROGRAM", default_value = "named")]
    auth: Auth,

    /// The recursive servers (default: named on LAB-REC1, unbound on LAB-REC2)
    #[arg(long, value_name = "PROGRAM")]
    rec: Option<Rec>,

    /// 1, as in the blueprint's laboratory, or 3 with firewalls, as it recommends for production
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    networks: Networks,
}

impl Pieces {
    /// The laboratory to be.
    ///
    /// # Errors
    /// A program that it needs is not on this machine.
    pub(crate) fn plan(&self) -> io::Result<Plan> {
        let own = Plan::new(&env::current_exe()?);
        let plan = Plan {
            front: self.front,
            vip: self.vip,
            auth: self.auth,
            rec: self.rec.map_or(own.rec, |rec| [rec; 2]),
            networks: self.networks,
            ..own
        };
        let missing = plan.missing_programs();
        if missing.is_empty() {
            return Ok(plan);
        }
        let why = format!("needs {}; packaging/setup installs them", missing.join(", "));
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }
}
