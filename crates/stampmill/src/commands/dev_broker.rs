//! `stampmill dev-broker`: the embedded broker alone, to try restarts of the program against.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use stampmill_engine::kafka::embedded::EmbeddedBroker;

use crate::cli;
use crate::commands::exit;
use crate::demo::TOPICS;
use crate::signals::Signals;

pub(crate) fn run(arguments: cli::DevBroker) -> ExitCode {
    match actix_rt::System::new().block_on(serve(&arguments.topics)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            exit::FAILURE.into()
        }
    }
}

async fn serve(topics: &[String]) -> anyhow::Result<()> {
    let topics = if topics.is_empty() {
        TOPICS.to_vec()
    } else {
        topics.iter().map(|text| topic(text)).collect::<Result<_, _>>()?
    };
    let signals = Signals::listen()?;
    let broker = EmbeddedBroker::start(&topics)?;
    let address = broker.bootstrap_servers();
    println!("an embedded Kafka for development at {address}, until Ctrl-C; nothing is kept");
    topics.iter().for_each(|(name, partitions)| println!("  topic {name}, {partitions} partitions"));
    println!("  STAMPMILL__CONNECTIONS__KAFKA__BOOTSTRAP_SERVERS={address} stampmill run");
    println!("It keeps 5 MiB a partition and drops the oldest beyond that, and knows no transactions.");
    while signals.first().is_none() {
        actix_rt::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// `name:partitions`, or a name alone for one partition.
fn topic(text: &str) -> anyhow::Result<(&str, i32)> {
    let (name, partitions) = text.rsplit_once(':').unwrap_or((text, "1"));
    let partitions = partitions.parse().ok().filter(|count| *count > 0);
    let partitions =
        partitions.with_context(|| format!("`{text}`: expected a topic and its partitions, as in `orders:6`"))?;
    Ok((name, partitions))
}
