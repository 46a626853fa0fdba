//! Starts processes that cannot outlive the tests, however those end.

use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};

type Order = (Command, Sender<std::io::Result<Child>>);

/// Linux kills a child with the *thread* that started it, so all are started by one that lives as long as the process.
static LAUNCHER: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, received) = channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, reply) in received {
            // Nobody waits for the reply only if the test that asked has ended.
            let _ = reply.send(command.spawn());
        }
    });
    Mutex::new(orders)
});

/// A command that runs `program` and is killed when this process ends, even by SIGKILL (`setpriv` of util-linux).
pub fn mortal(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Starts a command made with [`mortal`].
pub fn launch(command: Command) -> std::io::Result<Child> {
    let (reply, child) = channel();
    let gone = |_| std::io::Error::other("the launcher has ended");
    LAUNCHER.lock().unwrap_or_else(PoisonError::into_inner).send((command, reply)).map_err(|_| gone(()))?;
    child.recv().map_err(|_| gone(()))?
}
