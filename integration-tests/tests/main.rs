//! The built program against Apache Kafka, of the tutorial's version and the newest.
//!
//! `STAMPMILL_TEST_BROKERS` names brokers to use, instead of some that are started. `STAMPMILL_TEST_KAFKA` is
//! `3.7.2`, `4.4.0`, both with a comma between, or `all`; without it the newest runs every test, and the tutorial's
//! version the tutorial and delivery. Where no broker can be had each test says so as ignored, unless
//! `STAMPMILL_REQUIRE_KAFKA=1` makes that a failure; for what the image holds that is `STAMPMILL_REQUIRE_IMAGE=1`.

#![forbid(unsafe_code)]

mod cases {
    pub(crate) mod bad_input;
    pub(crate) mod book;
    pub(crate) mod brokers;
    pub(crate) mod chaos;
    pub(crate) mod command_line;
    pub(crate) mod dead_letters;
    pub(crate) mod delivery;
    pub(crate) mod exactly_once;
    pub(crate) mod examples;
    pub(crate) mod failures;
    pub(crate) mod fidelity;
    pub(crate) mod footprint;
    pub(crate) mod groups;
    pub(crate) mod image;
    pub(crate) mod lookup;
    pub(crate) mod ordering;
    pub(crate) mod panics;
    pub(crate) mod rotation;
    pub(crate) mod routing;
    pub(crate) mod scale;
    pub(crate) mod security;
    pub(crate) mod service;
    pub(crate) mod start;
    pub(crate) mod supervision;
    pub(crate) mod tap;
    pub(crate) mod templates;
    pub(crate) mod traces;
    pub(crate) mod tutorial;
    pub(crate) mod validate;
}
mod kafka;

use std::process::ExitCode;

use integration_tests::{broker, image, jars, program};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::kafka::{Kafka, Source};

/// A test: its name, what it is for, and what it does with a cluster.
struct Case {
    name: &'static str,
    group: Group,
    /// It starts a broker of its own, to stop it or to have the tutorial's topics for itself.
    needs_own: bool,
    /// It runs what the image holds.
    needs_image: bool,
    run: fn(&Kafka),
}

/// Which tests run on which version unless told otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// On each version.
    Core,
    /// On the newest.
    More,
    /// On the newest, and on no version without KIP-848.
    Kip848,
    /// Needs no broker.
    Alone,
}

const fn case(name: &'static str, group: Group, run: fn(&Kafka)) -> Case {
    Case { name, group, needs_own: false, needs_image: false, run }
}

const fn with_own_broker(name: &'static str, group: Group, run: fn(&Kafka)) -> Case {
    Case { name, group, needs_own: true, needs_image: false, run }
}

const fn of_the_image(name: &'static str, group: Group, run: fn(&Kafka)) -> Case {
    Case { name, group, needs_own: true, needs_image: true, run }
}

const CASES: &[Case] = &[
    with_own_broker("tutorial::word_for_word", Group::Core, cases::tutorial::word_for_word),
    with_own_broker("tutorial::a_key_set_from_outside", Group::More, cases::tutorial::a_key_set_from_outside),
    case("delivery::in_order_and_complete", Group::Core, cases::delivery::in_order_and_complete),
    with_own_broker("delivery::from_one_cluster_to_another", Group::More, cases::delivery::from_one_cluster_to_another),
    case("delivery::resumes_where_it_stopped", Group::Core, cases::delivery::resumes_where_it_stopped),
    case("delivery::several_topics_and_pipelines", Group::More, cases::delivery::several_topics_and_pipelines),
    case("start::partitions_added_under_load", Group::Core, cases::start::partitions_added_under_load),
    case("start::killed_before_the_first_commit", Group::Core, cases::start::killed_before_the_first_commit),
    case("start::a_topic_that_comes_later", Group::More, cases::start::a_topic_that_comes_later),
    case("start::an_offset_that_is_gone", Group::More, cases::start::an_offset_that_is_gone),
    with_own_broker("start::permissions_are_checked_before", Group::More, cases::start::permissions_are_checked_before),
    case("start::checked_before", Group::More, cases::start::checked_before),
    case("start::a_gap_while_it_runs", Group::More, cases::start::a_gap_while_it_runs),
    case("groups::one_killed_and_one_stopped", Group::Core, cases::groups::one_killed_and_one_stopped),
    case("groups::a_second_joins_and_leaves", Group::More, cases::groups::a_second_joins_and_leaves),
    case("groups::a_static_member_keeps_its_place", Group::More, cases::groups::a_static_member_keeps_its_place),
    case("groups::two_of_one_instance_id", Group::More, cases::groups::two_of_one_instance_id),
    with_own_broker(
        "groups::a_static_member_comes_back_after_a_crash",
        Group::Kip848,
        cases::groups::a_static_member_comes_back_after_a_crash,
    ),
    with_own_broker("scale::eight_instances", Group::More, cases::scale::eight_instances),
    with_own_broker("scale::eight_instances_by_kip_848", Group::Kip848, cases::scale::eight_instances_by_kip_848),
    with_own_broker("brokers::not_there_at_start", Group::More, cases::brokers::not_there_at_start),
    with_own_broker("brokers::over_tls", Group::More, cases::brokers::over_tls),
    with_own_broker("brokers::gone_and_back", Group::Core, cases::brokers::gone_and_back),
    with_own_broker("brokers::each_of_three_killed", Group::More, cases::brokers::each_of_three_killed),
    case("panics::a_record_that_always_panics", Group::More, cases::panics::a_record_that_always_panics),
    case("panics::in_every_actor", Group::Core, cases::panics::in_every_actor),
    case("bad_input::each_goes_to_the_dead_letters", Group::Core, cases::bad_input::each_goes_to_the_dead_letters),
    case("bad_input::a_field_that_is_missing", Group::More, cases::bad_input::a_field_that_is_missing),
    case("bad_input::too_large_for_the_sink", Group::Core, cases::bad_input::too_large_for_the_sink),
    case("bad_input::too_large_for_the_dead_letters", Group::More, cases::bad_input::too_large_for_the_dead_letters),
    case(
        "bad_input::no_dead_letter_topic_can_be_made",
        Group::More,
        cases::bad_input::no_dead_letter_topic_can_be_made,
    ),
    with_own_broker("examples::every_case_runs", Group::More, cases::examples::every_case_runs),
    case("exactly_once::kills_and_stops", Group::Core, cases::exactly_once::kills_and_stops),
    case("exactly_once::members_come_and_go", Group::More, cases::exactly_once::members_come_and_go),
    case("exactly_once::what_lingers_is_sent", Group::Core, cases::exactly_once::what_lingers_is_sent),
    case("exactly_once::a_record_that_is_refused", Group::Core, cases::exactly_once::a_record_that_is_refused),
    case("exactly_once::panics_double_nothing", Group::More, cases::exactly_once::panics_double_nothing),
    case(
        "failures::halt_stops_the_partition_at_the_record",
        Group::More,
        cases::failures::halt_stops_the_partition_at_the_record,
    ),
    case("failures::a_burst_trips_the_breaker", Group::More, cases::failures::a_burst_trips_the_breaker),
    case("failures::one_too_large_among_many", Group::Core, cases::failures::one_too_large_among_many),
    case(
        "failures::a_halted_partition_stays_in_its_group",
        Group::More,
        cases::failures::a_halted_partition_stays_in_its_group,
    ),
    with_own_broker(
        "rotation::tokens_are_renewed_under_load",
        Group::More,
        cases::rotation::tokens_are_renewed_under_load,
    ),
    with_own_broker("rotation::an_endpoint_that_is_away", Group::More, cases::rotation::an_endpoint_that_is_away),
    with_own_broker(
        "rotation::a_token_that_brokers_refuse_is_replaced",
        Group::More,
        cases::rotation::a_token_that_brokers_refuse_is_replaced,
    ),
    with_own_broker(
        "rotation::a_refused_token_is_replaced_under_load",
        Group::More,
        cases::rotation::a_refused_token_is_replaced_under_load,
    ),
    with_own_broker(
        "rotation::a_wrong_secret_is_mended_in_its_file",
        Group::More,
        cases::rotation::a_wrong_secret_is_mended_in_its_file,
    ),
    with_own_broker(
        "rotation::a_password_is_rotated_under_load",
        Group::More,
        cases::rotation::a_password_is_rotated_under_load,
    ),
    with_own_broker(
        "rotation::a_certificate_is_rotated_under_load",
        Group::More,
        cases::rotation::a_certificate_is_rotated_under_load,
    ),
    with_own_broker(
        "rotation::a_certificate_is_rotated_exactly_once",
        Group::More,
        cases::rotation::a_certificate_is_rotated_exactly_once,
    ),
    with_own_broker(
        "rotation::a_certificate_of_a_static_member_is_rotated",
        Group::More,
        cases::rotation::a_certificate_of_a_static_member_is_rotated,
    ),
    case(
        "dead_letters::they_are_listed_shown_and_replayed",
        Group::Core,
        cases::dead_letters::they_are_listed_shown_and_replayed,
    ),
    case(
        "dead_letters::a_long_replay_tells_how_far_it_is",
        Group::More,
        cases::dead_letters::a_long_replay_tells_how_far_it_is,
    ),
    case("tap::records_before_and_after", Group::More, cases::tap::records_before_and_after),
    case("tap::beside_the_pipeline", Group::More, cases::tap::beside_the_pipeline),
    case("ordering::a_crash_replays_little", Group::More, cases::ordering::a_crash_replays_little),
    case("ordering::each_key_stays_in_order", Group::More, cases::ordering::each_key_stays_in_order),
    case("supervision::one_that_hangs_is_replaced", Group::More, cases::supervision::one_that_hangs_is_replaced),
    case(
        "supervision::a_storm_of_panics_ends_the_process",
        Group::More,
        cases::supervision::a_storm_of_panics_ends_the_process,
    ),
    case(
        "supervision::a_partition_that_stands_still_is_fetched_anew",
        Group::More,
        cases::supervision::a_partition_that_stands_still_is_fetched_anew,
    ),
    case("fidelity::records_pass_as_they_are", Group::Core, cases::fidelity::records_pass_as_they_are),
    case("fidelity::the_sink_can_change_them", Group::More, cases::fidelity::the_sink_can_change_them),
    case(
        "templates::blocks_partials_and_what_is_skipped",
        Group::More,
        cases::templates::blocks_partials_and_what_is_skipped,
    ),
    with_own_broker("chaos::the_program_is_killed", Group::Core, cases::chaos::the_program_is_killed),
    with_own_broker("chaos::brokers_and_networks", Group::More, cases::chaos::brokers_and_networks),
    with_own_broker("chaos::members_and_partitions", Group::More, cases::chaos::members_and_partitions),
    with_own_broker("chaos::panics_and_poison", Group::More, cases::chaos::panics_and_poison),
    with_own_broker("chaos::refusals", Group::More, cases::chaos::refusals),
    with_own_broker("chaos::exactly_once", Group::Core, cases::chaos::exactly_once),
    with_own_broker("chaos::routed", Group::More, cases::chaos::routed),
    with_own_broker("chaos::the_verdict_sees_damage", Group::More, cases::chaos::the_verdict_sees_damage),
    case("routing::a_record_becomes_several", Group::Core, cases::routing::a_record_becomes_several),
    case("routing::killed_within_transactions", Group::Core, cases::routing::killed_within_transactions),
    case("routing::what_comes_twice_and_too_fast", Group::More, cases::routing::what_comes_twice_and_too_fast),
    case("lookup::rows_come_with_records_and_change", Group::Core, cases::lookup::rows_come_with_records_and_change),
    case("lookup::nothing_is_read_before_its_end", Group::Core, cases::lookup::nothing_is_read_before_its_end),
    with_own_broker(
        "lookup::brokers_go_and_partitions_come",
        Group::More,
        cases::lookup::brokers_go_and_partitions_come,
    ),
    with_own_broker("lookup::to_read_the_topic_is_enough", Group::More, cases::lookup::to_read_the_topic_is_enough),
    case("lookup::people_see_the_same_rows", Group::More, cases::lookup::people_see_the_same_rows),
    case("validate::what_does_not_meet_its_schema", Group::Core, cases::validate::what_does_not_meet_its_schema),
    case("traces::a_trace_is_carried_on", Group::More, cases::traces::a_trace_is_carried_on),
    case(
        "traces::a_collector_that_is_away_holds_nothing_up",
        Group::More,
        cases::traces::a_collector_that_is_away_holds_nothing_up,
    ),
    case("service::a_partition_is_sent_back", Group::More, cases::service::a_partition_is_sent_back),
    case("service::metrics_follow_the_assignment", Group::More, cases::service::metrics_follow_the_assignment),
    case("service::a_full_disk_holds_no_record_up", Group::More, cases::service::a_full_disk_holds_no_record_up),
    case(
        "service::a_clock_that_jumps_holds_no_record_up",
        Group::More,
        cases::service::a_clock_that_jumps_holds_no_record_up,
    ),
    case("service::few_files_hold_no_record_up", Group::More, cases::service::few_files_hold_no_record_up),
    of_the_image("image::it_runs_alone", Group::More, cases::image::it_runs_alone),
    of_the_image("image::it_asks_a_name_server", Group::More, cases::image::it_asks_a_name_server),
    of_the_image("image::it_trusts_its_authorities_alone", Group::More, cases::image::it_trusts_its_authorities_alone),
    case("footprint::too_little_memory_is_refused", Group::More, cases::footprint::too_little_memory_is_refused),
    case("footprint::memory_stays_within_its_budget", Group::More, cases::footprint::memory_stays_within_its_budget),
    with_own_broker(
        "footprint::memory_stays_within_its_budget_before_a_slow_sink",
        Group::More,
        cases::footprint::memory_stays_within_its_budget_before_a_slow_sink,
    ),
    case("footprint::a_pipeline_is_measured", Group::More, cases::footprint::a_pipeline_is_measured),
    with_own_broker("security::the_broker_asks_everybody", Group::Core, cases::security::harness::it_asks_everybody),
    with_own_broker(
        "security::each_is_let_in_and_loses_nothing",
        Group::Core,
        cases::security::mechanisms::each_is_let_in_and_loses_nothing,
    ),
    with_own_broker(
        "security::each_is_told_what_is_wrong",
        Group::More,
        cases::security::at_start::each_is_told_what_is_wrong,
    ),
    with_own_broker(
        "security::it_is_let_in_when_that_is_mended",
        Group::More,
        cases::security::at_start::it_is_let_in_when_that_is_mended,
    ),
    with_own_broker("security::certificates_go_wrong", Group::More, cases::security::under_load::certificates_go_wrong),
    with_own_broker("security::a_password_is_changed", Group::Core, cases::security::under_load::a_password_is_changed),
    with_own_broker(
        "security::a_broker_comes_back_with_another_password",
        Group::More,
        cases::security::under_load::a_broker_comes_back_with_another_password,
    ),
    with_own_broker("security::permissions_are_taken", Group::More, cases::security::under_load::permissions_are_taken),
    with_own_broker(
        "security::these_permissions_are_enough",
        Group::Core,
        cases::security::permissions::these_are_enough,
    ),
    case("security::mistakes_are_refused", Group::Alone, cases::security::configuration::mistakes_are_refused),
    case(
        "security::the_documented_ones_are_taken",
        Group::Alone,
        cases::security::configuration::the_documented_ones_are_taken,
    ),
    case(
        "security::a_broker_that_answers_nonsense",
        Group::Alone,
        cases::security::hostile::a_broker_that_answers_nonsense,
    ),
    with_own_broker("book::every_page_runs", Group::More, cases::book::every_page_runs),
    case("book::every_link_leads_somewhere", Group::Alone, cases::book::every_link_leads_somewhere),
    case("book::every_block_is_marked", Group::Alone, cases::book::every_block_is_marked),
    case("command_line::all_errors_at_once", Group::Alone, cases::command_line::all_errors_at_once),
    case("command_line::a_loop_is_refused", Group::Alone, cases::command_line::a_loop_is_refused),
    case("command_line::a_password_stays_as_written", Group::Alone, cases::command_line::a_password_stays_as_written),
    case("command_line::fail_fast", Group::Alone, cases::command_line::fail_fast),
    case("command_line::completions_are_offered", Group::Alone, cases::command_line::completions_are_offered),
    case("command_line::manual_pages_render", Group::Alone, cases::command_line::manual_pages_render),
    case("command_line::the_demo_proves_itself", Group::Alone, cases::command_line::the_demo_proves_itself),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Two programs, two brokers and their clients are enough for two cores.
    arguments.test_threads.get_or_insert(2);
    broker::sweep();
    let conclusion = libtest_mimic::run(&arguments, trials());
    kafka::stop_all();
    program::remove_copies();
    conclusion.exit_code()
}

fn trials() -> Vec<Trial> {
    let alone = CASES.iter().filter(|case| case.group == Group::Alone);
    let alone = alone.map(|case| Trial::test(case.name, || run(case.run, kafka::nowhere())));
    let versions = Kafka::versions().into_iter().flat_map(|(source, groups)| {
        let cases = CASES.iter().filter(move |case| groups.contains(&case.group));
        cases.map(move |case| on_broker(case, source.clone()))
    });
    alone.chain(versions).collect()
}

fn on_broker(case: &'static Case, source: Source) -> Trial {
    let name = format!("kafka_{}::{}", source.label.replace('.', "_"), case.name);
    let no_broker = source.unavailable(case.needs_own).map(|reason| (reason, "STAMPMILL_REQUIRE_KAFKA"));
    let no_image = || image::unavailable().map(|reason| (reason, "STAMPMILL_REQUIRE_IMAGE"));
    match no_broker.or_else(|| case.needs_image.then(no_image).flatten()) {
        None => Trial::test(name, move || run(case.run, kafka::shared(&source))),
        Some((reason, required)) if std::env::var_os(required).is_some_and(|value| value == "1") => {
            Trial::test(name, move || Err(Failed::from(reason)))
        }
        Some((reason, _)) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
    }
}

fn run(case: fn(&Kafka), kafka: &'static Kafka) -> Result<(), Failed> {
    // libtest-mimic takes a panic for a failure and goes on.
    case(kafka);
    Ok(())
}

impl Kafka {
    /// The versions to test, each with the groups of tests that run on it.
    fn versions() -> Vec<(Source, &'static [Group])> {
        const ALL: &[Group] = &[Group::Core, Group::More];
        const WITH_KIP_848: &[Group] = &[Group::Core, Group::More, Group::Kip848];
        const CORE: &[Group] = &[Group::Core];
        let all_of = |version: &str| {
            let groups = if kafka::knows_kip_848(version) { WITH_KIP_848 } else { ALL };
            (Source::version(version), groups)
        };
        if let Ok(brokers) = std::env::var("STAMPMILL_TEST_BROKERS") {
            return vec![(Source::given(brokers), ALL)];
        }
        match std::env::var("STAMPMILL_TEST_KAFKA").as_deref() {
            Ok("all") => vec![all_of(jars::TUTORIAL), all_of(jars::NEWEST)],
            Ok(versions) => versions.split(',').map(all_of).collect(),
            Err(_) => vec![(Source::version(jars::TUTORIAL), CORE), all_of(jars::NEWEST)],
        }
    }
}
