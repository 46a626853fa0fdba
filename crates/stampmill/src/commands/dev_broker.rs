//! `stampmill dev-broker`: the embedded broker alone, to try restarts of the program against.

use std::process::ExitCode;
use std::time::Duration;

use stampmill_engine::kafka::embedded::EmbeddedBroker;

use crate::cli;
use crate::commands::exit;
use crate::demo::TOPICS;
use crate::signals::Signals;

pub(crate) fn run(arguments: cli::DevBroker) -> ExitCode {
    match actix_rt::System::new().block_on(serve(arguments.topics)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            exit::FAILURE.into()
        }
    }
}

async fn serve(topics: Vec<(String, i32)>) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let named: Vec<_> = topics.iter().map(|(name, partitions)| (name.as_str(), *partitions)).collect();
    let topics = if named.is_empty() { TOPICS.to_vec() } else { named };
    let broker = EmbeddedBroker::start(&topics)?;
    show(&broker.bootstrap_servers(), &topics);
    while signals.first().is_none() {
        actix_rt::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn show(address: &str, topics: &[(&str, i32)]) {
    println!("An embedded Kafka for development is at {address}, until Ctrl-C.");
    println!("It keeps 5 MiB a partition and drops the oldest beyond that, knows no");
    println!("transactions, and forgets everything when it ends.\n");
    topics.iter().for_each(|(name, partitions)| println!("  topic {name:<32} partitions {partitions:>4}"));
    println!("\nTo run the pipeline on it, and to see its topics:");
    println!("  STAMPMILL__CONNECTIONS__KAFKA__BOOTSTRAP_SERVERS={address} stampmill run");
    println!("  kcat -b {address} -L");
}
