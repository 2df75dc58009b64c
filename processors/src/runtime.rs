//! The consumer loop that the processors share.
use tokio::sync::watch;

use crate::error::Error;
use crate::handle::Deps;

pub(crate) async fn run<P>(_deps: Deps, _stopped: watch::Receiver<bool>, _make: fn(&Deps) -> P) -> Result<(), Error> {
    unimplemented!()
}
