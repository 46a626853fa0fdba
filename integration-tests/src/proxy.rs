//! A network between the program and one broker that a test can spoil: cut, hanging or slow.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Listens on a port of its own and carries what comes to the broker and back. It ends when dropped.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

/// What becomes of connections, those that are open included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Pass,
    /// All are closed, and so is each new one at once.
    Cut,
    /// They stay open and new ones are taken, but nothing arrives until this is over.
    Hang,
    /// Everything arrives so much later, each way.
    Delay(Duration),
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Connections closed, and pieces held up or delayed.
    hits: AtomicU64,
}

struct State {
    /// Where new connections lead.
    broker: SocketAddr,
    network: Network,
    ended: bool,
    /// Both ends of each connection.
    open: Vec<(TcpStream, TcpStream)>,
}

/// What was read, and when.
type Piece = (Instant, Vec<u8>);

/// Pieces on their way in one direction of a connection: enough for a delay of seconds at full load.
const PIECES: usize = 1024;

// === impl Proxy ===

impl Proxy {
    pub fn start(broker: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = State { broker, network: Network::Pass, ended: false, open: Vec::new() };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new(), hits: AtomicU64::new(0) };
        let shared = Arc::new(shared);
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Ok(Self { port, shared })
    }

    pub fn set(&self, network: Network) {
        let mut state = self.shared.state();
        state.network = network;
        if network == Network::Cut {
            self.shared.close_all(&mut state);
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Closes all connections, and leads new ones elsewhere.
    pub fn lead(&self, broker: SocketAddr) {
        let mut state = self.shared.state();
        state.broker = broker;
        self.shared.close_all(&mut state);
    }

    /// How many connections were closed, and how many pieces held up or delayed, since the start.
    pub fn hits(&self) -> u64 {
        self.shared.hits.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.set(Network::Cut);
        // Wakes the thread that accepts, which then sees that all is over. Where it fails that thread has ended.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.state().ended {
                return;
            }
            // A client that is gone again, or a broker that is down: the connection ends, and that is all.
            if let Ok(client) = client {
                let _ = self.connect(client);
            }
        }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        if self.state().network == Network::Cut {
            self.hit();
            return client.shutdown(Shutdown::Both);
        }
        let leads = self.state().broker;
        let broker = TcpStream::connect(leads)?;
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        self.carry(client.try_clone()?, broker.try_clone()?);
        self.carry(broker.try_clone()?, client.try_clone()?);
        let mut state = self.state();
        state.open.retain(|(client, _)| client.peer_addr().is_ok());
        state.open.push((client, broker));
        // It may have been cut, or lead elsewhere, since the look above.
        if state.network == Network::Cut || state.broker != leads {
            self.close_all(&mut state);
        }
        Ok(())
    }

    fn close_all(&self, state: &mut State) {
        for (client, broker) in state.open.drain(..) {
            self.hit();
            // Closed already by its own ends.
            let _ = client.shutdown(Shutdown::Both);
            let _ = broker.shutdown(Shutdown::Both);
        }
    }

    /// One direction: a thread that reads, and one that writes when it is time.
    fn carry(self: &Arc<Self>, from: TcpStream, to: TcpStream) {
        let (pieces, arriving) = sync_channel(PIECES);
        let shared = Arc::clone(self);
        thread::spawn(move || read(from, &pieces));
        thread::spawn(move || shared.write(to, &arriving));
    }

    fn write(&self, mut to: TcpStream, arriving: &Receiver<Piece>) {
        for (read, bytes) in arriving {
            if !self.await_due(read) || to.write_all(&bytes).is_err() {
                break;
            }
        }
        // Whoever is left on the other side is told.
        let _ = to.shutdown(Shutdown::Both);
    }

    /// Waits until the network lets a piece through that was read then; `false` if it never does.
    fn await_due(&self, read: Instant) -> bool {
        let mut state = self.state();
        if !matches!(state.network, Network::Pass) {
            self.hit();
        }
        loop {
            let left = match state.network {
                Network::Pass => return true,
                Network::Cut => return false,
                Network::Hang => Duration::from_secs(3600),
                Network::Delay(delay) => delay.saturating_sub(read.elapsed()),
            };
            if left.is_zero() {
                return true;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn read(mut from: TcpStream, pieces: &SyncSender<Piece>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if pieces.send((Instant::now(), buffer[..count].to_vec())).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Read);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A broker that says everything again, a client of it through the proxy, and the proxy.
    fn echo() -> (Proxy, TcpStream) {
        let broker = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = Proxy::start(broker.local_addr().expect("an address")).expect("a proxy");
        thread::spawn(move || {
            for stream in broker.incoming().flatten() {
                let mut back = stream.try_clone().expect("a second handle");
                thread::spawn(move || std::io::copy(&mut &stream, &mut back));
            }
        });
        let client = TcpStream::connect(("127.0.0.1", proxy.port)).expect("a connection");
        client.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        (proxy, client)
    }

    fn say(client: &mut TcpStream) -> std::io::Result<Duration> {
        let started = Instant::now();
        client.write_all(b"x")?;
        client.read_exact(&mut [0])?;
        Ok(started.elapsed())
    }

    #[test]
    fn it_passes_and_delays_each_way() {
        let (proxy, mut client) = echo();
        say(&mut client).expect("an answer");
        assert_eq!(proxy.hits(), 0);
        proxy.set(Network::Delay(Duration::from_millis(40)));
        let took = say(&mut client).expect("an answer");
        assert!(took >= Duration::from_millis(80), "{took:?}");
        assert_eq!(proxy.hits(), 2);
    }

    #[test]
    fn a_cut_closes_what_is_open_and_what_comes() {
        let (proxy, mut client) = echo();
        say(&mut client).expect("an answer");
        proxy.set(Network::Cut);
        assert!(say(&mut client).is_err());
        let mut second = TcpStream::connect(("127.0.0.1", proxy.port)).expect("a connection");
        second.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        assert!(say(&mut second).is_err());
        proxy.set(Network::Pass);
        let mut third = TcpStream::connect(("127.0.0.1", proxy.port)).expect("a connection");
        say(&mut third).expect("an answer");
    }

    #[test]
    fn what_hangs_arrives_later() {
        let (proxy, mut client) = echo();
        proxy.set(Network::Hang);
        client.set_read_timeout(Some(Duration::from_millis(50))).expect("a time limit");
        assert!(say(&mut client).is_err());
        proxy.set(Network::Pass);
        client.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        client.read_exact(&mut [0]).expect("what was said before");
        assert!(proxy.hits() > 0);
    }
}
