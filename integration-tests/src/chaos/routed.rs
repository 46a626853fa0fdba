//! The campaign's other pipeline: a filter, a split into two parts, a case for each, and a sink for each. Both outputs have to
//! be whole.

use crate::scenario::Scenario;

/// Faults that leave the steps, the sinks and the records to the campaign, and the topics of sinks alone.
pub const FAULTS: &[&str] = &[
    "the program is killed",
    "the program is stopped",
    "a leader is killed",
    "all brokers are gone",
    "the network to a broker is cut",
    "the network to a broker hangs",
    "the network to a broker is 2 s late",
    "members come and go, range",
    "members come and go, cooperative",
    "members come and go, new protocol",
    "panics at transform::before",
    "panics at transform::after",
    "panics at producer::before",
    "panics at producer::after",
    "panics at consumer::dispatch",
    "panics at delivery::report",
    "panics at commit::before",
    "panics at commit::after",
    "a worker hangs",
    "killed before the first commit",
];

/// What the filter lets not through.
pub(super) fn is_filtered(number: u64) -> bool {
    number % 10 == 9
}

const TRANSFORMS: &str = r#"- filter: payload.n % 10 != 9
- envelope: '{"parts": [{"is": "first", "of": {{payload}}}, {"is": "second", "of": {{payload}}}]}'
- split: payload.parts
- switch:
    - when: payload.is == "first"
      transforms: [ envelope: '{"data": {{payload.of}}}' ]
    - transforms: [ envelope: '{"data": {{payload.of}}}' ]"#;

/// The second output.
pub(super) fn also(scenario: &Scenario) -> String {
    format!("{}-also", scenario.output)
}

/// Makes the pipeline of a scenario this one.
pub(super) fn route(scenario: &mut Scenario, partitions: i32) {
    let also = also(scenario);
    scenario.client.create_topic(&also, partitions, &[]);
    scenario.pipeline.transforms = TRANSFORMS.into();
    scenario.pipeline.sink = "properties: { linger.ms: 1000 }".into();
    scenario.pipeline.sinks = format!(
        "- {{ topic: {}, partition: source, when: payload.is == \"first\" }}\n- {{ topic: {also}, partition: source, when: payload.is == \"second\" }}",
        scenario.output
    );
}

#[cfg(test)]
mod tests {
    use crate::chaos::faults::named;

    #[test]
    fn each_is_a_fault_of_the_campaign() {
        super::FAULTS.iter().for_each(|name| assert_eq!(named(name).name, *name));
    }
}
